"""What the profilers cost."""
