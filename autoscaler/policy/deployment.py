"""What of a Deployment decides which policy it falls under."""

from collections.abc import Mapping
from dataclasses import dataclass

from autoscaler.core.fleet import FunctionKey


@dataclass(frozen=True, slots=True)
class Deployed:
    """A Deployment as policies see it; its replicas live elsewhere, since they change far more often.

    Attributes:
        key: namespace and name.
        uid: its identity; a recreated Deployment has another.
        labels: of the Deployment over those of its pod template (OpenFaaS labels the template only).
        annotations: likewise.
        created_s: UTC seconds at which it was created; None: not known.
    """

    key: FunctionKey
    uid: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    created_s: float | None = None
