"""The control-manager: one file a loop."""
