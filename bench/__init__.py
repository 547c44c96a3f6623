"""What the instrumentation costs, side by side with its floor. Run with ``python -m bench``, or ``make bench``."""
