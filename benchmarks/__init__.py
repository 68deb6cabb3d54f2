"""Figures of the project, one module each: `python -m benchmarks.NAME [--json]`."""
