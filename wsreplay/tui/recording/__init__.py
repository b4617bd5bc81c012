"""A recording as the screens read it: pages, rows, lanes, playback. No widgets."""
