"""Apps to read and to run; `taskflow demo` runs shop.py."""
