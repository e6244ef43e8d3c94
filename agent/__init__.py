"""The GPU agent: NVML in, metrics out."""
