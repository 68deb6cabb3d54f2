"""Concurrency caps on a real control plane, with pods that enforce their limit."""
