"""One widget a file. Each paints values of `tui.data`; none reads a file by itself but for the pages of its view."""
