"""HorizontalPodAutoscalers: which Deployment has one, and is therefore never written."""

from collections.abc import Mapping
from sys import intern
from types import MappingProxyType
from typing import Any

from autoscaler.adapters.kubernetes.connection import Query
from autoscaler.adapters.kubernetes.deployments import version_number
from autoscaler.adapters.kubernetes.errors import Garbled
from autoscaler.core.fleet import FunctionKey

ObjectKey = tuple[str, str]
"""Namespace and name of an autoscaler."""


class FollowedAutoscalers:
    """The HorizontalPodAutoscalers whose target is a Deployment; of any other nothing is kept.

    An autoscaler is taken at its word: one that is switched off for now (its Deployment is at zero) or cannot read its
    metrics may begin to write at any time.

    Attributes:
        names: the autoscaler of every Deployment that has one, in words; another object whenever it changes.
    """

    name: str = "horizontalpodautoscalers"
    root: str = "/apis/autoscaling/v2"
    selection: Query = ()
    listing: Query = ()
    most_bytes: int | None = None

    def __init__(self) -> None:
        self._targets: dict[ObjectKey, tuple[FunctionKey, str, int]] = {}
        self._of: dict[FunctionKey, set[ObjectKey]] = {}
        self._names: Mapping[FunctionKey, str] | None = MappingProxyType({})

    @property
    def names(self) -> Mapping[FunctionKey, str]:
        if self._names is None:
            self._names = MappingProxyType({key: self._targets[min(there)][1] for key, there in self._of.items()})
        return self._names

    def keys(self, namespace: str | None) -> set[ObjectKey]:
        """Give the autoscalers that are kept of a namespace; None: all."""
        return {key for key in self._targets if namespace is None or key[0] == namespace}

    def put(self, document: dict[str, Any], *, is_listed: bool) -> ObjectKey:
        """Take over an autoscaler; its target may be another one than before."""
        key, target, words, version = _read(document)
        known = self._targets.get(key)
        if known is not None and not is_listed and 0 < version < known[2]:
            return key
        if target is None:
            self.forget(key)
        elif known is None or known[:2] != (target, words):
            self.forget(key)
            self._targets[key] = (target, words, version)
            self._of.setdefault(target, set()).add(key)
            self._names = None
        else:
            self._targets[key] = (target, words, version)
        return key

    def remove(self, document: dict[str, Any]) -> None:
        """Take over a deletion, unless the autoscaler was made anew since."""
        key, _, _, version = _read(document)
        known = self._targets.get(key)
        if known is not None and not 0 < version < known[2]:
            self.forget(key)

    def forget(self, key: ObjectKey) -> None:
        """Drop an autoscaler: its Deployment is free at once, if no other has it."""
        known = self._targets.pop(key, None)
        if known is None:
            return
        self._names = None
        left = self._of[known[0]]
        left.discard(key)
        if not left:
            del self._of[known[0]]

    def forbidden(self, namespace: str | None) -> None:
        """Keep everything: an autoscaler that is not heard of writes none the less."""


def _read(document: Mapping[str, Any]) -> tuple[ObjectKey, FunctionKey | None, str, int]:
    """Give key, target and name in words; the target is None where it is no Deployment."""
    try:
        metadata, target = document["metadata"], document["spec"]["scaleTargetRef"]
        namespace, name = intern(metadata["namespace"]), metadata["name"]
        version = version_number(metadata.get("resourceVersion", ""))
        group, _, _ = (target.get("apiVersion") or "apps/v1").partition("/")
        is_deployment = target["kind"] == "Deployment" and group == "apps"
        key = FunctionKey(namespace, intern(target["name"])) if is_deployment else None
        return (namespace, name), key, f"HorizontalPodAutoscaler {name}{_owner(metadata)}", version
    except (KeyError, TypeError, AttributeError) as error:
        raise Garbled(f"no HorizontalPodAutoscaler: {type(error).__name__} {error}") from error


def _owner(metadata: Mapping[str, Any]) -> str:
    """Say who made it, since deleting it alone would not help: KEDA makes one for each ScaledObject."""
    owners = [owner for owner in metadata.get("ownerReferences") or () if owner.get("controller")]
    return f" of {owners[0]['kind']} {owners[0]['name']}" if owners else ""
