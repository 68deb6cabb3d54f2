"""What we keep of a Deployment: a few hundred bytes of the several thousand that the API server sends."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from sys import intern
from typing import Any

from autoscaler.adapters.kubernetes.errors import Garbled
from autoscaler.adapters.kubernetes.inside import enforced, lingers, surge_of, termination_grace_s
from autoscaler.adapters.kubernetes.obstacles import DONE, Progress, read_progress
from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.deployment import Deployed

_ANNOTATIONS_KEPT = ("autoscaler.faas.dev/", "com.openfaas.")


@dataclass(frozen=True, slots=True)
class Reading:
    """A Deployment as one list item or watch event tells it.

    Attributes:
        deployed: what policies see.
        requested: `spec.replicas`.
        ready: `status.readyReplicas`.
        version: resource version; 0 where it is no number, so that it cannot be compared.
        progress: how far its rollout is, and whether its pods are refused.
        generation: counts changes of the spec; 0 where it is not told.
        template: `spec.template` as parsed. Like `managed_fields` it is the document's own, looked at where replicas
            changed and not kept.
        managed_fields: `metadata.managedFields` as parsed.
    """

    deployed: Deployed
    requested: int
    ready: int
    version: int
    progress: Progress = DONE
    generation: int = 0
    template: Mapping[str, Any] | None = None
    managed_fields: object = None


def read_deployment(document: Mapping[str, Any]) -> Reading:
    """Read a Deployment's JSON.

    Labels and annotations of the pod template count too, the Deployment's own win: OpenFaaS puts its
    labels on the template only. Of annotations only those that a policy can name are kept, since
    `kubectl apply` repeats the whole manifest in one.

    Raises:
        Garbled: it is no Deployment.
    """
    try:
        metadata, spec = document["metadata"], document["spec"]
        pods = spec.get("template")
        template = (pods or {}).get("metadata") or {}
        inside = (pods or {}).get("spec") or {}
        annotations = _shared({**_kept(template.get("annotations")), **_kept(metadata.get("annotations"))})
        labels = _shared({**(template.get("labels") or {}), **(metadata.get("labels") or {})})
        own = enforced(annotations, inside)
        status = document.get("status") or {}
        requested = 1 if spec.get("replicas") is None else int(spec["replicas"])
        return Reading(
            deployed=Deployed(
                key=FunctionKey(intern(metadata["namespace"]), intern(metadata["name"])),
                uid=metadata["uid"],
                labels=labels,
                annotations=annotations,
                created_s=utc_s(metadata.get("creationTimestamp")),
                enforced_limit=own.limit,
                may_queue=own.may_queue,
                termination_grace_s=termination_grace_s(inside),
                surge=surge_of(spec.get("strategy")),
                lingers=lingers(labels, inside),
            ),
            requested=requested,
            ready=int(status.get("readyReplicas") or 0),
            version=version_number(metadata.get("resourceVersion", "")),
            progress=read_progress(status, requested),
            generation=int(metadata.get("generation") or 0),
            template=pods,
            managed_fields=metadata.get("managedFields"),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Garbled(f"no Deployment: {type(error).__name__} {error}") from error


def version_number(text: str) -> int:
    """Give a resource version as a number; the API server's are comparable, any other form becomes 0."""
    return int(text) if text.isascii() and text.isdigit() else 0


def utc_s(text: object) -> float | None:
    """Give a Kubernetes time (RFC 3339) in UTC seconds; None where it is absent, or says no offset, or is no time."""
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return at.timestamp() if at is not None and at.tzinfo is not None else None


def _kept(annotations: Mapping[str, str] | None) -> dict[str, str]:
    return {key: text for key, text in (annotations or {}).items() if key.startswith(_ANNOTATIONS_KEPT)}


def _shared(labels: dict[str, str]) -> dict[str, str]:
    """Let equal texts be one object: values repeat across thousands of Deployments, and names within one."""
    return {key: intern(text) for key, text in labels.items()}
