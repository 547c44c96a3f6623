"""A Collector under load, and what comes out of it: for the tests of what is lost, and for ``bench.pipeline``."""
