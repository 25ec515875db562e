"""What is measured of the watermark: what it survives, and how far it is seen."""
