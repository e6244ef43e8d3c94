"""What to start, where, and why the rest waits. Pure: no client, clock or log."""
