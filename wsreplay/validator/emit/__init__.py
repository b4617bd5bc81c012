"""Writing the source of a contract's handlers."""
