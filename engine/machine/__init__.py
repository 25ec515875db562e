"""What a panel of classifiers does not notice."""
