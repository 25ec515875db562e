"""What is measured of what ships, and what decides whether a number is still valid."""
