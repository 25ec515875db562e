"""Face recognisers of others, converted."""
