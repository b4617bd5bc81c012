"""One widget a file. Each paints what it is given; none reads a file by itself but for the pages of its view."""
