"""A lab of simulated Hyper-V hosts behind the real wire. It knows Hyper-V, and nothing of this collection's plugins."""
