"""What the Collector's pipeline costs, beside the same Collector receiving OTLP and doing nothing with it."""
