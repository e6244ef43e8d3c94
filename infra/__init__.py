"""How Neurox is stood up."""
