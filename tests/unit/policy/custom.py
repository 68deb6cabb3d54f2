"""Custom resources that tests of policy share."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from autoscaler.core.accounts import Accounts
from autoscaler.core.columns import Floats
from autoscaler.core.decisions import Decisions
from autoscaler.core.fleet import Fleet
from autoscaler.core.now import Now
from autoscaler.core.reasons import Reason
from autoscaler.policy.loaded import PolicySet
from autoscaler.policy.loading import load
from autoscaler.policy.plan import Plan
from autoscaler.policy.resources import Given, Identity, Inputs, Resource
from autoscaler.policy.settings import PoolSettings

GIVEN = Given(["main"], {"default": PoolSettings(), "small": PoolSettings(replicas=10)}, None)
"""What settings of these tests have: one source, a pool without a limit and one of ten replicas."""

TENANT = Identity("Tenant", "", "acme")
POLICY = Identity("ScalingPolicy", "acme-prod", "p")


def resource(
    identity: Identity,
    spec: Mapping[str, Any],
    generation: int = 1,
    uid: str = "",
    status: Mapping[str, Any] | None = None,
) -> Resource:
    """Give a custom resource as a watch reads it."""
    place = {"namespace": identity.namespace} if identity.namespace else {}
    document = {
        "apiVersion": "autoscaler.faas.dev/v1alpha1",
        "kind": identity.kind,
        "metadata": {"name": identity.name, **place},
        "spec": spec,
    }
    return Resource(identity, uid or f"uid of {identity}", generation, document, status=status or {})


def acme(**spec: Any) -> Resource:
    """Give the Tenant `acme` of `acme-prod`, bounded to 50 replicas, with zero allowed."""
    bounds = {"maxReplicas": 50, "allowZero": True}
    return resource(TENANT, {"namespaces": ["acme-prod"], "bounds": bounds, **spec})


def read(*resources: Resource, files: Mapping[str, str] | None = None, previous: PolicySet | None = None) -> PolicySet:
    """Load custom resources, beside files where there are any."""
    inputs = Inputs(files or {}, {one.identity: one for one in resources})
    return load(inputs, previous, GIVEN)


def accounts(fleet: Fleet, bound: Reason = Reason.PASSED, **columns: Floats | float) -> Accounts:
    """Give accounts of a tick; columns that are left out are 0, and every tenant is bound alike."""
    names = [field.name for field in fields(Accounts) if field.name not in ("bound", "over")]
    size = len(fleet.tenants)
    return Accounts(
        **{name: np.broadcast_to(np.asarray(columns.get(name, 0.0), np.float64), size).copy() for name in names},
        bound=np.full(size, int(bound), np.uint8),
        over=np.zeros(len(fleet.budgets.pools)),
    )


def ticked(plan: Plan, now: Now, accounts: Accounts | None = None) -> Decisions:
    """Give a full tick in which every function is at rest."""
    floats, codes = np.empty(0), np.empty(0, np.uint8)
    return Decisions(
        now=now,
        fleet=plan.fleet,
        is_tick=True,
        rows=np.empty(0, np.int64),
        seen=codes,
        **dict.fromkeys(("rps", "concurrency", "in_flight", "requested", "ready", "desired"), floats),
        reason=codes,
        applied=(),
        accounts=accounts,
    )
