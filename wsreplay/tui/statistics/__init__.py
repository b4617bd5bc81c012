"""How long things take, how often they come, and what was slowest."""
