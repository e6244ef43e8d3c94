"""A libnvidia-ml.so.1 that a scenario file drives."""
