"""The tabs of the page, one module each: what is on it, and which handler answers."""
