"""The workload-manager: cache, decide, act; one in each cluster."""
