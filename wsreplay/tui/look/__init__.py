"""How it looks: theme, signs, colours, the text of cells, the names of keys."""
