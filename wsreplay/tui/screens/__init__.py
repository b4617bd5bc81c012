"""One screen a file. A screen wires widgets, workers and keys; what is shown is thought out in `tui.data`."""
