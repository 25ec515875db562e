"""What is known of a number: the committed results, and what decides whether they still hold."""
