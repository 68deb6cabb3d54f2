"""The simulated platform behind real protocols: Kubernetes, Prometheus, a gateway, an Alertmanager."""
