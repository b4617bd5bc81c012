"""A real agent-chat backend with scenarios."""
