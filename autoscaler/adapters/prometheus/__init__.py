"""Loads from Prometheus: queried and parsed in worker processes, handed back as columns in shared memory."""

from autoscaler.adapters.prometheus.loads import PrometheusLoads

__all__ = ["PrometheusLoads"]
