"""What is counted of recordings, also while they grow: one account, which the terminal, pages and metrics show."""
