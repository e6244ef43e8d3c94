"""``libnvidia-ml.so.1`` that plays a capture of ``neurox-agent record``."""
