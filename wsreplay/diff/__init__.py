"""Comparing two recordings: conversations aligned by session, run, tool and type."""
