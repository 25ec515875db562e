"""Tables and the figure of the smallest files that a panel still understands."""
