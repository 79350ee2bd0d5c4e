"""`python -m tests.bench`: what reading 1, 100 and 1,000 VMs costs, next to bare pypsrp doing the same reads."""
