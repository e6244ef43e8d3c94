"""Stands in for the kubelets, drivers and processes of a sandbox cluster's GPU nodes."""
