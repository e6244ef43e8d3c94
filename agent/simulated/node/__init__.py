"""A node without GPUs pretends: a device plugin for its kubelet, a scenario for its NVML."""
