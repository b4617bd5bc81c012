"""The session screen: frames, detail, overview, and what its keys do."""
