"""What is counted of recordings, also while they grow: one value that the terminal, pages and metrics show."""
