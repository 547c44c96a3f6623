"""Scenarios in the format of OpenTelemetry's conformance runner, and the run that needs no more than this package."""
