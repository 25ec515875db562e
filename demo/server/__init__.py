"""What stands between visitors and the handlers: files, limits, sessions, running work."""
