"""The relay: how the control plane reaches a cluster that only dials out."""
