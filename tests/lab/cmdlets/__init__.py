"""One handler a cmdlet: bound parameters in, records out. Importing a handler file registers its handlers."""
