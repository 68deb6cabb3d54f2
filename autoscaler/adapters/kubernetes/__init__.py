"""The Kubernetes API: a cache of Deployments kept by watches, and writes of their scale."""

from autoscaler.adapters.kubernetes.cluster import KubernetesCluster, connect
from autoscaler.adapters.kubernetes.errors import ClusterError, ConfigurationError
from autoscaler.adapters.kubernetes.watching import WatchTimes

__all__ = ["ClusterError", "ConfigurationError", "KubernetesCluster", "WatchTimes", "connect"]
