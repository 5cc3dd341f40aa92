"""Commands as data: every function builds an argument list and runs nothing."""
