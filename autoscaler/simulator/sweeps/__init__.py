"""Sweeps: many runs that differ in policies, parameters, traces and seeds, and what they say together."""
