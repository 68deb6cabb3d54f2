"""Compiled inner loops of the platform, and the arrays that they work on."""
