"""What this machine offers: threads, installed libraries, and files that are written whole."""
