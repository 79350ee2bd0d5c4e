"""What every playbook shows on a terminal of 100 columns: how much, how wide, and two pictures of it."""
