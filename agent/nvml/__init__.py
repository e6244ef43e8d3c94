"""The only package that knows NVML, through the module ``pynvml`` of nvidia-ml-py."""
