"""Makes what of the charts is made: JSON schemas and the reference of their values."""
