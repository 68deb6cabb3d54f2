"""CustomResourceDefinitions of the documents, generated from their models: `manifests/crds/`."""

import io
import sys
from typing import Any

from pydantic import BaseModel
from ruamel.yaml import YAML

from autoscaler.policy.crd_schema import Schema, structural
from autoscaler.policy.documents import API_VERSION, KINDS, ScalingPolicySpec, TenantSpec
from autoscaler.policy.statuses import STATUSES
from autoscaler.policy.strict import DNS_NAME

GROUP, _, VERSION = API_VERSION.partition("/")

KIND_OF = {"tenant": "Tenant", "scalingpolicy": "ScalingPolicy"}
"""Kind of each definition, by the name that the command takes."""

FILES = {"tenant": "tenants.yaml", "scalingpolicy": "scalingpolicies.yaml"}
"""Where each is committed, below `manifests/crds/` and `manifests/chart/files/crds/`."""

_WIDE = 1 << 16

_HEAD = """\
# Generated from the models, and the same file is in chart/files/crds. Do not edit by hand:
# python -m autoscaler.policy.crd {name} > manifests/crds/{file}
"""

_NAMES: dict[str, Schema] = {
    "Tenant": {
        "kind": "Tenant",
        "listKind": "TenantList",
        "plural": "tenants",
        "singular": "tenant",
        "shortNames": ["ften"],
    },
    "ScalingPolicy": {
        "kind": "ScalingPolicy",
        "listKind": "ScalingPolicyList",
        "plural": "scalingpolicies",
        "singular": "scalingpolicy",
        "shortNames": ["scp"],
        "categories": ["faas"],
    },
}


def _column(name: str, kind: str, path: str, description: str, *, is_wide: bool = False) -> dict[str, Any]:
    column = {"name": name, "type": kind, "jsonPath": path, "description": description}
    return column | ({"priority": 1} if is_wide else {})


def _condition(name: str, kind: str, description: str, *, is_wide: bool = False) -> dict[str, Any]:
    return _column(name, "string", f'.status.conditions[?(@.type=="{kind}")].status', description, is_wide=is_wide)


_ACCEPTED = _condition("Accepted", "Accepted", "Whether its text is valid.", is_wide=True)
_IN_FORCE = _condition("In Force", "InForce", "Whether what it says now is what holds.")
_REASON = _column("Reason", "string", ".status.reason", "What binds.")
_FUNCTIONS = _column("Functions", "integer", ".status.functions", "How many functions it is for.")
_AGE = _column("Age", "date", ".metadata.creationTimestamp", "When it was made.")

_COLUMNS = {
    "Tenant": [
        _FUNCTIONS,
        _column("Guarantee", "integer", ".spec.budget.replicas.guarantee", "Replicas that are always its own."),
        _column("Cap", "integer", ".spec.budget.replicas.cap", "Most replicas that it may have."),
        _column("Asked", "integer", ".status.budget.asked", "Replicas that its functions ask for."),
        _column("Granted", "integer", ".status.budget.granted", "Replicas that they get."),
        _IN_FORCE,
        _REASON,
        _AGE,
        _ACCEPTED,
        _column("Pool", "string", ".spec.pool", "Pool of replicas that it shares.", is_wide=True),
        _column("Namespaces", "string", ".status.namespaces", "Namespaces that are its own.", is_wide=True),
    ],
    "ScalingPolicy": [
        _FUNCTIONS,
        _column("Min", "integer", ".spec.replicas.min", "Floor."),
        _column("Max", "integer", ".spec.replicas.max", "Ceiling."),
        _IN_FORCE,
        _condition("Within Bounds", "WithinBounds", "Whether its Tenant clips nothing of it."),
        _REASON,
        _AGE,
        _ACCEPTED,
    ],
}


def definition(kind: str) -> Schema:
    """Give the CustomResourceDefinition of a kind.

    Raises:
        KeyError: there is no such kind.
    """
    names = _NAMES[kind]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{names['plural']}.{GROUP}",
            # Helm's word for: what tenants wrote outlives the release.
            "annotations": {"helm.sh/resource-policy": "keep"},
        },
        "spec": {
            "group": GROUP,
            "names": names,
            "scope": "Cluster" if kind == "Tenant" else "Namespaced",
            "versions": [_version(kind)],
        },
    }


def definition_text(name: str) -> str:
    """Give a definition as the file that `manifests/crds/` holds.

    Raises:
        KeyError: there is no such name; see `KIND_OF`.
    """
    yaml = YAML()
    yaml.width = _WIDE
    yaml.representer.ignore_aliases = lambda _: True
    yaml.indent(mapping=2, sequence=4, offset=2)
    stream = io.StringIO()
    yaml.dump(definition(KIND_OF[name]), stream)
    return _HEAD.format(name=name, file=FILES[name]) + stream.getvalue()


def _version(kind: str) -> Schema:
    return {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": _COLUMNS[kind],
        "schema": {"openAPIV3Schema": _schema(kind)},
    }


def _schema(kind: str) -> Schema:
    properties: Schema = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}}
    if kind == "Tenant":
        properties["metadata"] = _METADATA
    properties["spec"] = structural(_SPECS[kind])
    properties["status"] = structural(STATUSES[kind])
    words = " ".join((KINDS[kind].__doc__ or "").split())
    return {"type": "object", "description": words, "required": ["spec"], "properties": properties}


_SPECS: dict[str, type[BaseModel]] = {"Tenant": TenantSpec, "ScalingPolicy": ScalingPolicySpec}

_METADATA: Schema = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 63, "pattern": DNS_NAME}},
}
"""A Tenant's name is a label's; a ScalingPolicy's is what Kubernetes takes for any object's."""


if __name__ == "__main__":
    print(definition_text(sys.argv[1]), end="")
