"""What Redis holds: one class an idea; keys are made in ``keys`` alone."""
