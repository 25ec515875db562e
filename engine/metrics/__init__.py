"""How far two pictures are apart, to a formula and to an eye."""
