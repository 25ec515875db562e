"""Data sets, and what is drawn from them."""
