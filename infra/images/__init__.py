"""Container images: ours, built here, and the digests of everybody else's."""
