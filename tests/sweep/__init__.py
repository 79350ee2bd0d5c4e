"""The fault sweep: every remote call of every workflow cut, and the same run again."""
