"""Runs, tools and operations over time."""
