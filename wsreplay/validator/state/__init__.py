"""What is kept of the traffic while it is judged."""
