"""Traces that are only counts per minute: a day of tens of thousands of functions as matrices."""
