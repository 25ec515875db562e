"""What the page does, without a page: plain functions and generators over the engine."""
