"""The machine room: hosts, VMs and their periphery, as plain state with laws. Nothing here knows a wire or an engine."""
