"""The lists: recordings of a folder, sessions of a recording."""
