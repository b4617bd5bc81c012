"""The recording: its schema, its one writer, its readers."""
