"""The demo's page in a browser: how soon it is of use, and its first example there."""
