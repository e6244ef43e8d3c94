"""The words of Neurox as frozen dataclasses, and their rules. No I/O."""
