"""Validation beside the interface: a process of its own, and what it tells."""
