"""The documents in force, as values that a recommendation changes and leaves alone."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from autoscaler.policy.parsing import read_documents

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Standing:
    """Documents by name.

    Attributes:
        tenants: by name.
        policies: by `namespace/name`.
    """

    tenants: Mapping[str, Document]
    policies: Mapping[str, Document]

    @classmethod
    def read(cls, texts: Mapping[str, str]) -> "Standing":
        """Read documents that were found to be without problems."""
        tenants: dict[str, Document] = {}
        policies: dict[str, Document] = {}
        for file, text in texts.items():
            for document in read_documents(file, text):
                value: Any = document.value
                name = value["metadata"]["name"]
                if value["kind"] == "Tenant":
                    tenants[name] = value
                else:
                    policies[f"{value['metadata']['namespace']}/{name}"] = value
        return cls(tenants, policies)

    def policy(self, name: str | None, namespace: str) -> Document:
        """Give a copy of a policy to be changed; None: an empty one of this namespace."""
        if name is not None and name in self.policies:
            return deepcopy(self.policies[name])
        return {
            "apiVersion": "autoscaler.faas.dev/v1alpha1",
            "kind": "ScalingPolicy",
            "metadata": {"name": "default", "namespace": namespace},
            "spec": {"functions": {"names": ["*"]}},
        }
