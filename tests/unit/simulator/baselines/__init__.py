"""Deciders that are other systems' rules."""
