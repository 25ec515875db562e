"""How good the recognisers of faces are, on LFW."""
