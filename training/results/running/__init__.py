"""Tables of how the engine and the demo run where there is much to do."""
