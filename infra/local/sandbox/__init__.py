"""A real Kubernetes control plane on this machine, with nodes that kwok keeps alive."""
