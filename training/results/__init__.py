"""The committed results, and the tables and figures made of them."""
