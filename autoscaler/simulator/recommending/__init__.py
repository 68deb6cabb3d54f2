"""Recommendations: the cheapest policies that keep an objective on a trace, as documents ready to commit."""
