"""The smallest file of a picture that a panel of classifiers still understands."""
