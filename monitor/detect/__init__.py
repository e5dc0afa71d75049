"""What an event day should look like, and whether it does. Pure functions on arrays; no I/O."""
