"""What this machine offers: threads, installed libraries, files written whole; and `Progress`."""
