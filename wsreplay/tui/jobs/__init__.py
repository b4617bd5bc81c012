"""Long work beside the interface: in a thread, or in a child process."""
