"""What a contract can ask for, a file a kind of rule."""
