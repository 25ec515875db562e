"""What is measured of the smallest file that a panel still understands."""
