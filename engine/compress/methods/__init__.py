"""The methods by which a smaller file is looked for: one module each, one row each in `rows`."""
