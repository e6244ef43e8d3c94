"""Controllers: what decides and acts, in the control plane and in each cluster."""
