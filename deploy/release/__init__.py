"""What is done for a release: distributions, what they are made of, and whether that may be handed on."""
