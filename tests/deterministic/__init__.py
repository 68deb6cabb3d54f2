"""The daemon's own loop on a virtual clock, with faults drawn from a seed."""
