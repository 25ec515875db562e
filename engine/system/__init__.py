"""What this machine has: how many threads, which libraries."""
