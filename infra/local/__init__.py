"""neurox up: the whole of Neurox on one machine, on real parts."""
