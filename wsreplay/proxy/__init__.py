"""Live bytes: the listener, the relay, and the hand-over to the recorder."""
