"""Tests of pure policy: values in, values out."""
