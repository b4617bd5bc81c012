"""The contract language: its model, its loader, the built-in contracts."""
