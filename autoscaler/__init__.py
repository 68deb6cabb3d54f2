"""Autoscaler and metrics daemon for the functions of many tenants on Kubernetes."""

__version__ = "0.1.0"
