"""The workload-manager: watches one cluster, decides, releases, and tells the control plane."""
