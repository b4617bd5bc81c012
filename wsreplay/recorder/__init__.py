"""The recorder process: chunks in, one SQLite file out."""
