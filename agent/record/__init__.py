"""Records what the driver answers, as a capture that ``agent.simulated.replay`` plays back."""
