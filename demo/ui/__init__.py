"""How the page looks and behaves, and its words."""
