"""Results in words and tables, as HTML: headline, table and facts of each tab."""
