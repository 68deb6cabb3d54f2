"""Faults on a real control plane: what the daemon does is recorded beside it, and judged against the true load."""
