"""Recorded traffic of many functions: readers of public formats, what it is like, and what can be made of it."""
