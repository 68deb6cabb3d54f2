"""Who changed `spec.replicas`, as the API server notes it in `managedFields`, and whether a deploy did."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import orjson

FIELD_MANAGER = "autoscaler"
"""The name under which we write; every daemon of ours has it, an older one too."""

_BY_MANIFEST = frozenset({"kubectl-client-side-apply", "kubectl-replace", "helm", "helm-controller"})
"""Managers that write a whole manifest, though the operation is called Update."""


@dataclass(frozen=True, slots=True)
class Writer:
    """Who gave `spec.replicas` its value.

    Attributes:
        manager: its field manager; "" where the API server names nobody.
        is_manifest: it described the whole object, by apply or in its manner, and did not ask for a count alone.
    """

    manager: str
    is_manifest: bool = False

    @property
    def is_ours(self) -> bool:
        return self.manager == FIELD_MANAGER


NOBODY = Writer("")


def writer_of_replicas(managed_fields: object) -> Writer:
    """Find who owns `spec.replicas`.

    A change of value leaves one owner; who later applies the same value joins it. So one of ours among several means
    that the value is ours, and else the newest entry wins. Nobody is named after a scale subresource was written to 0:
    its object then has no such field, all owners are dropped, and writes of the subresource are noted no more until
    somebody writes the Deployment itself (seen with kube-apiserver 1.36.3).

    Args:
        managed_fields: `metadata.managedFields` as parsed; whatever is malformed names nobody.
    """
    owners = list(_owners(managed_fields))
    ours = next((writer for _, writer in owners if writer.is_ours), None)
    if ours is not None:
        return ours
    return max(owners, key=lambda owner: owner[0], default=("", NOBODY))[1]


def _owners(managed_fields: object) -> Iterator[tuple[str, Writer]]:
    """Give the time of each entry that has `spec.replicas`, and its writer; one of a subresource may have no time."""
    for entry in managed_fields if isinstance(managed_fields, list) else ():
        try:
            if "f:replicas" in entry["fieldsV1"]["f:spec"]:
                manager = str(entry["manager"])
                is_manifest = entry["operation"] == "Apply" or manager in _BY_MANIFEST
                yield str(entry.get("time") or ""), Writer(manager, is_manifest)
        except (KeyError, TypeError, AttributeError):
            continue


def fingerprint(template: Mapping[str, Any] | None) -> int:
    """Give 32 bits that differ where pod templates do; the API server writes equal ones in the same order.

    Two templates of one Deployment that differ and look alike are one in four thousand million; what follows is that
    a deploy counts as a change by its manager, once.
    """
    return crc32(orjson.dumps(template))
