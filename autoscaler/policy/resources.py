"""What documents are read from: texts of files, custom resources, labels of namespaces; and what settings allow."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from pydantic import ValidationError

from autoscaler.policy.settings import PoolSettings, Settings
from autoscaler.policy.statuses import CallerStatus

MAX_BYTES = 256 << 10
"""Largest custom resource that is read, metadata included."""
MAX_CALLERS = 100

PRESETS = {"capsule": "capsule.clastix.io/tenant", "rancher": "field.cattle.io/projectId"}
"""Keys of labels by which others mark the namespaces of a tenant; only they themselves may change them.

Capsule's webhooks and Rancher guard them.
"""


class Identity(NamedTuple):
    """What makes a document the same one in its next version.

    Attributes:
        kind: `Tenant` or `ScalingPolicy`.
        namespace: "" of a Tenant.
        name: unique with the two others.
    """

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace + '/' if self.namespace else ''}{self.name}"


@dataclass(frozen=True, slots=True)
class Resource:
    """A document that is a custom resource.

    Two are equal if they say the same: uid and generation stand for `document`.

    Attributes:
        identity: which document it is; written out, its place in problems and origins.
        uid: of the very object; one that was made anew under the same name is another.
        generation: moves with every change of what it says, and not with its status.
        document: apiVersion, kind, metadata (name, namespace) and spec as JSON has them; None: it is larger than
            `MAX_BYTES` and was not read.
        size_bytes: how large it is, metadata and status included; 0: not measured.
        applied: the text that `kubectl apply` notes of what it was given; None: it noted nothing.
        callers: credentials that `autoscaler tenants sync` made for a Tenant.
        status: its status as it was last read, for whoever writes it.
        is_found: it was there already when resources of its kind were listed; nobody saw it being made.
    """

    identity: Identity
    uid: str
    generation: int
    document: Mapping[str, object] | None = field(compare=False)
    size_bytes: int = field(default=0, compare=False)
    applied: str | None = None
    callers: tuple[CallerStatus, ...] = ()
    status: Mapping[str, object] = field(default_factory=dict, compare=False)
    is_found: bool = field(default=False, compare=False)

    def has_text_of(self, other: "Resource") -> bool:
        """Tell whether what a reader makes of this is what it makes of the other, credentials apart."""
        mine, others = (self.uid, self.generation, self.applied), (other.uid, other.generation, other.applied)
        # What its metadata weigh, which moves no generation, decides whether it is read.
        return mine == others and (self.document is None) == (other.document is None)

    @property
    def place(self) -> str:
        """What stands for the file in problems and origins."""
        return str(self.identity)


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """Everything that documents are read from.

    Attributes:
        files: text of each file by name.
        resources: custom resources.
        namespace_labels: labels of each namespace of the cluster, for Tenants that select theirs.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    resources: Mapping[Identity, Resource] = field(default_factory=dict)
    namespace_labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Given:
    """What settings have that documents may name. None: it is not known, so nothing is said of it.

    Attributes:
        sources: names of the Prometheus sources.
        pools: stocks of replicas by name.
        label_keys: keys of labels on namespaces by which a Tenant may select its own, presets written out.
    """

    sources: Collection[str] | None = None
    pools: Mapping[str, PoolSettings] | None = None
    label_keys: Collection[str] | None = None

    @classmethod
    def by(cls, settings: Settings) -> "Given":
        """Give what these settings have."""
        return cls(tuple(settings.sources), settings.pools, label_keys(settings.namespace_labels))


def label_keys(names: Collection[str]) -> tuple[str, ...]:
    """Give the keys of labels that `namespaceLabels` of the settings means."""
    return tuple(PRESETS.get(name, name) for name in names)


def callers_of(status: Mapping[str, object]) -> tuple[CallerStatus, ...]:
    """Read `status.callers` of a Tenant; an entry that is none of ours is passed over."""
    listed = status.get("callers")
    found = []
    for entry in listed[:MAX_CALLERS] if isinstance(listed, list) else ():
        try:
            found.append(CallerStatus.model_validate(entry))
        except ValidationError:
            continue
    return tuple(found)
