"""The commands of `python -m planrl`, one module each: its options and what it does."""
