"""The findings of a recording, by rule."""
