"""Failures to connect: a table of what an inventory may have wrong, and the sentence that each of it gives.

`python -m tests.first_day` prints it, through ansible-playbook: for a host that a play runs on, and for a partner, whom
a task is delegated to. Everything listens on loopback addresses.
"""
