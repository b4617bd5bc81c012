"""Frames become messages, events and sessions."""
