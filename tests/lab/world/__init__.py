"""The machine room: hosts, VMs and their periphery, plain state with laws. Knows no wire and no engine."""
