"""The command line: one file per noun, `main.py` is the tree of commands."""
