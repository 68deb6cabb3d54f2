"""Which Deployments are functions. Nothing else is ever touched."""

from collections.abc import Mapping

from autoscaler.policy.deployment import Deployed
from autoscaler.policy.labels import MARKER

OPENFAAS_MARKER = "faas_function"


def is_function(deployed: Deployed) -> bool:
    """Tell whether a Deployment calls itself a function, on itself or on its pod template.

    The value does not matter, but `false` on our own label says no: that is what people mean by it.
    """
    own = deployed.labels.get(MARKER)
    return own != "false" if own is not None else OPENFAAS_MARKER in deployed.labels


def tenant_of(deployed: Deployed, namespaces: Mapping[str, str]) -> str | None:
    """Give the tenant whose function this is; None: nobody's namespace, or no function.

    Args:
        namespaces: tenant of each namespace.
    """
    tenant = namespaces.get(deployed.key.namespace)
    return tenant if tenant is not None and is_function(deployed) else None
