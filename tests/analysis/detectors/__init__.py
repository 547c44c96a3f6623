"""One test module for each detector: on recordings made by hand, and on one of a real program."""
