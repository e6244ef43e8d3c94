"""The names of NVIDIA's dcgm-exporter, at a path of their own."""
