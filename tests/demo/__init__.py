"""What `make demo` shows: the collection at work on two simulated hosts."""
