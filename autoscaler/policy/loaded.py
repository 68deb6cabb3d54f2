"""The documents in force, where each stands, and what became of every custom resource."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from autoscaler.policy.documents import ScalingPolicy, Tenant
from autoscaler.policy.problems import Problem
from autoscaler.policy.resources import Given, Identity, Resource
from autoscaler.policy.statuses import CallerStatus

Document = TypeVar("Document", bound=Tenant | ScalingPolicy)


@dataclass(frozen=True, slots=True)
class Loaded(Generic[Document]):
    """A valid document and where it stands.

    Attributes:
        document: what it says.
        file: name of the text it is in; of a custom resource its kind and name.
        lines: line of each field path, from 1; none of a custom resource.
        is_kept: its present text is invalid, and this is the last good version.
        resource: the custom resource that it is; None: it stands in a file.
    """

    document: Document
    file: str
    lines: Mapping[str, int]
    is_kept: bool = False
    resource: Resource | None = None

    @property
    def identity(self) -> Identity:
        """Which document it is."""
        document = self.document
        namespace = document.metadata.namespace if isinstance(document, ScalingPolicy) else ""
        return Identity(document.kind, namespace, document.metadata.name)

    @property
    def callers(self) -> tuple[CallerStatus, ...]:
        """Credentials that were made for it, beside those that it names."""
        return () if self.resource is None else self.resource.callers

    def line(self, path: str) -> int | None:
        """Give the line of a field, or of the nearest field around it that the text has; None: it has no lines."""
        if self.resource is not None:
            return None
        while path and path not in self.lines:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.lines.get(path, 1)

    def at(self, path: str) -> str:
        """Give `file:line` of a field, or resource and field; of a text that is no longer there, it says so."""
        line = self.line(path)
        place = f"{self.file}:{line}" if line is not None else f"{self.file} {path}".rstrip()
        return f"{place}{' (last good version)' if self.is_kept else ''}"


AnyLoaded = Loaded[Tenant] | Loaded[ScalingPolicy]


@dataclass(frozen=True, slots=True)
class ResourceState:
    """What became of a custom resource.

    It is accepted if something is in force of it that is not kept from before; problems that it has then are
    warnings.

    Attributes:
        resource: the version that this is said of.
        problems: what is wrong with it.
        in_force: what holds of it; None: nothing.
    """

    resource: Resource
    problems: tuple[Problem, ...]
    in_force: AnyLoaded | None


@dataclass(frozen=True, slots=True)
class Read:
    """One document, read and checked by itself.

    Attributes:
        identity: which one it is; None: its text does not say.
        loaded: None: it is invalid.
        problems: what is wrong with it; warnings where it is valid.
        place: file, and line of its name (None: it has no lines).
    """

    identity: Identity | None
    loaded: AnyLoaded | None
    problems: tuple[Problem, ...]
    place: tuple[str, int | None]


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A tenant with its policies, checked together.

    Attributes:
        tenant: the tenant.
        offered: its valid policies, by namespace and name.
        policies: those of them in force, or their last good versions, likewise.
        problems: what does not fit.
    """

    tenant: Loaded[Tenant]
    offered: Mapping[str, Mapping[str, Loaded[ScalingPolicy]]]
    policies: Mapping[str, Mapping[str, Loaded[ScalingPolicy]]]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """What was read before, so that what is unchanged is not read again.

    Attributes:
        given: what it was checked against.
        texts: text of each file, and its documents by piece and line.
        resources: custom resources.
        tenants: by name.
        good: last good versions of documents that are there and of which nothing holds at this moment, since nobody
            has their namespace: a claim of it that is a mistake, or a tenant's new name, must not cost them.
    """

    given: Given = field(default_factory=Given)
    texts: Mapping[str, tuple[str, Mapping[tuple[str, int], tuple[Read, ...]]]] = field(default_factory=dict)
    resources: Mapping[Identity, tuple[Resource, Read]] = field(default_factory=dict)
    tenants: Mapping[str, Fitted] = field(default_factory=dict)
    good: Mapping[Identity, AnyLoaded] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class PolicySet:
    """The documents in force.

    Attributes:
        tenants: by name.
        policies: by namespace, then name; only of namespaces that a tenant has.
        namespaces: tenant of each namespace; one that two tenants claim is nobody's.
        problems: everything that is wrong, ordered by file and line.
        owned: namespaces of each tenant, in order; every tenant is in it.
        resources: what became of each custom resource.
        refused: documents that are there, are invalid, and of which no good version is known: what would hold if they
            were mended cannot be told.
        unread: files with documents that cannot even be named, and of which no good version is known either.
        doubted: those of the refused that were so when they were first read, and were there before anybody looked.
            One that is made later never held, and what holds without it is what held before.
        doubted_files: likewise of the unread.
        memory: for the next load.
    """

    tenants: Mapping[str, Loaded[Tenant]] = field(default_factory=dict)
    policies: Mapping[str, Mapping[str, Loaded[ScalingPolicy]]] = field(default_factory=dict)
    namespaces: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    owned: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    resources: Mapping[Identity, ResourceState] = field(default_factory=dict)
    refused: frozenset[Identity] = frozenset()
    unread: frozenset[str] = frozenset()
    doubted: frozenset[Identity] = frozenset()
    doubted_files: frozenset[str] = frozenset()
    memory: Memory = field(default_factory=Memory)

    def is_doubtful(self, namespace: str, has_policy: bool) -> bool:
        """Tell whether other rules may be meant for functions of a namespace than those in force.

        Args:
            has_policy: a policy is in force for it: then a file whose documents nobody can name is not taken for its.
        """
        is_named = any(one.kind == "ScalingPolicy" and one.namespace == namespace for one in self.doubted)
        return is_named or (bool(self.doubted_files) and not has_policy)

    def documents(self) -> Iterator[tuple[Identity, AnyLoaded]]:
        """Give every document in force."""
        for name, tenant in self.tenants.items():
            yield Identity("Tenant", "", name), tenant
        for namespace, named in self.policies.items():
            for name, policy in named.items():
                yield Identity("ScalingPolicy", namespace, name), policy

    def find(self, identity: Identity) -> AnyLoaded | None:
        """Give a document in force; None: there is no such one."""
        if identity.kind == "Tenant":
            return self.tenants.get(identity.name)
        return self.policies.get(identity.namespace, {}).get(identity.name)

    def last_good(self, identity: Identity) -> AnyLoaded | None:
        """Give what holds of a document, or held last; None: there is no such one, or none was ever good."""
        return self.find(identity) or self.memory.good.get(identity)
