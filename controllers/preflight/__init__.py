"""What must be true of a cluster before Neurox is installed in it, each with what to do if not."""
