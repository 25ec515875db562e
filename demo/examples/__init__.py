"""Finished results that come with the demo, for the first visitor too."""
