"""Texts of files → the documents in force, and every problem at once."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar, cast

from pydantic import ValidationError

from autoscaler.policy.contradictions import Contradiction, contradictions, of_queries, queries_of
from autoscaler.policy.documents import KINDS, ScalingPolicy, Tenant
from autoscaler.policy.labels import Fields
from autoscaler.policy.parsing import YamlDocument, read_documents
from autoscaler.policy.precedence import policy_layers, tenant_layers
from autoscaler.policy.problems import Problem, problems_of, shown, suggestion

Document = TypeVar("Document", bound=Tenant | ScalingPolicy)


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes a document the same one in its next version."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace + '/' if self.namespace else ''}{self.name}"


@dataclass(frozen=True, slots=True)
class Loaded(Generic[Document]):
    """A valid document and where it stands.

    Attributes:
        document: what it says.
        file: name of the text it is in.
        lines: line of each field path, from 1.
        is_kept: its present text is invalid, and this is the last good version.
    """

    document: Document
    file: str
    lines: Mapping[str, int]
    is_kept: bool = False

    def line(self, path: str) -> int:
        """Give the line of a field, or of the nearest field around it that the text has."""
        while path and path not in self.lines:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.lines.get(path, 1)

    def at(self, path: str) -> str:
        """Give `file:line` of a field; of a text that is no longer there, it says so."""
        return f"{self.file}:{self.line(path)}{' (last good version)' if self.is_kept else ''}"


@dataclass(frozen=True, slots=True, eq=False)
class PolicySet:
    """The documents in force.

    Attributes:
        tenants: by name.
        policies: by namespace, then name; only of namespaces that a tenant has.
        namespaces: tenant of each namespace; one that two tenants claim is nobody's.
        problems: everything that is wrong, ordered by file and line.
    """

    tenants: Mapping[str, Loaded[Tenant]] = field(default_factory=dict)
    policies: Mapping[str, Mapping[str, Loaded[ScalingPolicy]]] = field(default_factory=dict)
    namespaces: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


def load(
    files: Mapping[str, str], previous: PolicySet | None = None, sources: Collection[str] | None = None
) -> PolicySet:
    """Read all documents; one that is broken disables itself alone.

    Args:
        files: text of each file by name.
        previous: what was in force; the last good version of a document that is invalid now is kept from it.
        sources: names of the Prometheus sources that a tenant may use; None: not checked.
    """
    loading = _Loading(previous or PolicySet(), sources)
    for file in sorted(files):
        loading.read(file, files[file])
    return loading.finish()


_Any = Loaded[Tenant] | Loaded[ScalingPolicy]


@dataclass(slots=True)
class _Loading:
    """One pass over all files."""

    previous: PolicySet
    sources: Collection[str] | None
    found: dict[Identity, _Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def read(self, file: str, text: str) -> None:
        """Take every valid document of a file, and the last good version of those that are invalid."""
        has_unnamed = False
        invalid: list[Identity] = []
        for document in read_documents(file, text):
            identity = _identity(document.value)
            loaded, problems = self._validate(file, document)
            if loaded is None:
                has_unnamed |= identity is None
                invalid += [identity] if identity is not None else []
                self.problems += self._with_consequence(problems, identity, file)
            elif identity is not None and identity in self.found:
                self._refuse_second(identity, file, document)
            elif identity is not None:
                self.found[identity] = loaded
        for identity, old in _documents(self.previous):
            # A document that cannot be read has no name: then nothing that this file held is taken for removed.
            if old.file == file and identity not in self.found and (has_unnamed or identity in invalid):
                self.found[identity] = replace(old, is_kept=True)

    def _validate(self, file: str, document: YamlDocument) -> tuple[_Any | None, Sequence[Problem]]:
        model, problems = _model(file, document)
        if model is None:
            return None, problems
        try:
            valid = model.model_validate(document.value)
        except ValidationError as error:
            return None, (*problems, *problems_of(error, model, file, document.lines))
        if problems:
            return None, problems
        if isinstance(valid, ScalingPolicy):
            return Loaded(valid, file, document.lines), ()
        tenant = Loaded(valid, file, document.lines)
        problems = tuple(self._tenant_problems(tenant))
        return (None if problems else tenant), problems

    def _tenant_problems(self, loaded: Loaded[Tenant]) -> Iterator[Problem]:
        spec = loaded.document.spec
        if self.sources is not None and spec.source not in self.sources:
            path = "spec.source"
            yield Problem(
                *_place(loaded, path), path, f"is {shown(spec.source)}", suggestion(spec.source, self.sources)
            )
        queries = of_queries(spec.defaults.metrics, spec.namespaces, (), spec.bounds.max_queries)
        for found in (*contradictions(tenant_layers(spec.defaults, loaded.at)), *queries):
            path = f"spec.defaults.{found.path}"
            yield Problem(*_place(loaded, path), path, found.wrong, found.allowed)

    def _with_consequence(self, problems: Sequence[Problem], identity: Identity | None, file: str) -> Iterator[Problem]:
        """Let the first problem of a document say what holds in its place."""
        is_kept = any(old.file == file and identity in (None, known) for known, old in _documents(self.previous))
        for position, problem in enumerate(problems):
            kept = " (the last good version stays in force)" if is_kept and position == 0 else ""
            yield replace(problem, wrong=problem.wrong + kept)

    def _refuse_second(self, identity: Identity, file: str, document: YamlDocument) -> None:
        first = self.found[identity].at("metadata.name")
        line = document.lines.get("metadata.name", document.lines[""])
        self.problems.append(
            Problem(file, line, "metadata.name", f"{identity} is there already, in {first}", "each name once")
        )

    def finish(self) -> PolicySet:
        """Check what several documents say together."""
        tenants = {
            identity.name: cast(Loaded[Tenant], loaded)
            for identity, loaded in sorted(self.found.items(), key=_by_name)
            if identity.kind == "Tenant"
        }
        namespaces = self._claims(tenants)
        queries = {name: queries_of(loaded.document.spec.defaults.metrics) for name, loaded in tenants.items()}
        policies: dict[str, dict[str, Loaded[ScalingPolicy]]] = {}
        for identity, loaded in sorted(self.found.items(), key=_by_name):
            if identity.kind == "ScalingPolicy":
                policy = self._fitting(cast(Loaded[ScalingPolicy], loaded), tenants, namespaces, queries)
                if policy is not None:
                    queries[namespaces[identity.namespace]] |= queries_of(policy.document.spec.metrics)
                    policies.setdefault(identity.namespace, {})[identity.name] = policy
        problems = sorted(set(self.problems), key=lambda problem: (problem.file, problem.line or 0, problem.path))
        return PolicySet(tenants, policies, namespaces, tuple(problems))

    def _claims(self, tenants: Mapping[str, Loaded[Tenant]]) -> dict[str, str]:
        """Give each namespace its tenant; one that two tenants claim is left to nobody, and both are told."""
        claims: dict[str, list[tuple[str, str]]] = {}
        for name, loaded in tenants.items():
            for position, namespace in enumerate(loaded.document.spec.namespaces):
                claims.setdefault(namespace, []).append((name, f"spec.namespaces[{position}]"))
        for namespace, claimants in claims.items():
            for name, path in claimants if len({name for name, _ in claimants}) > 1 else ():
                others = " and ".join(tenants[other].at(at) for other, at in claimants if other != name)
                wrong = f"namespace {namespace} is claimed in {others} too, so it is nobody's"
                self.problems.append(Problem(*_place(tenants[name], path), path, wrong, "a namespace in one tenant"))
        return {
            namespace: claimants[0][0]
            for namespace, claimants in claims.items()
            if len({name for name, _ in claimants}) == 1
        }

    def _fitting(
        self,
        loaded: Loaded[ScalingPolicy],
        tenants: Mapping[str, Loaded[Tenant]],
        namespaces: Mapping[str, str],
        queries: Mapping[str, Collection[str]],
    ) -> Loaded[ScalingPolicy] | None:
        """Give the policy if it fits its tenant, else its last good version if that does, else None.

        Args:
            queries: what each tenant's other policies have asked already.
        """
        metadata = loaded.document.metadata
        tenant = namespaces.get(metadata.namespace)
        if tenant is None:
            path = "metadata.namespace"
            self.problems.append(
                Problem(
                    *_place(loaded, path),
                    path,
                    f"namespace {metadata.namespace} is no tenant's, so this changes nothing",
                    suggestion(metadata.namespace, namespaces) or "a namespace that some Tenant lists",
                )
            )
            return None
        found = _unfit(tenants[tenant], loaded, queries[tenant])
        if not found:
            return loaded
        old = self.previous.policies.get(metadata.namespace, {}).get(metadata.name)
        is_usable = old is not None and old.file == loaded.file and not _unfit(tenants[tenant], old, queries[tenant])
        kept = " (the last good version stays in force)" if is_usable else ""
        for contradiction in found:
            path = f"spec.{contradiction.path}"
            self.problems.append(
                Problem(*_place(loaded, path), path, f"{contradiction.wrong}{kept}", contradiction.allowed)
            )
        return replace(old, is_kept=True) if old is not None and is_usable else None


def _unfit(
    tenant: Loaded[Tenant], policy: Loaded[ScalingPolicy], queries: Collection[str]
) -> tuple[Contradiction, ...]:
    """Give everything in a policy that does not fit its tenant."""
    spec = tenant.document.spec
    own = of_queries(policy.document.spec.metrics, spec.namespaces, queries, spec.bounds.max_queries)
    return (*contradictions(layers_of(tenant, policy)), *own)


def layers_of(tenant: Loaded[Tenant], policy: Loaded[ScalingPolicy]) -> Fields:
    """Give what holds for a function under this policy before its own labels and the tenant's bounds."""
    return policy_layers(tenant_layers(tenant.document.spec.defaults, tenant.at), policy.document.spec, policy.at)


def _model(file: str, document: YamlDocument) -> tuple[type[Tenant] | type[ScalingPolicy] | None, tuple[Problem, ...]]:
    """Find the model of a document's kind."""
    value, start = document.value, document.lines.get("", 1)
    if document.problems and not isinstance(value, Mapping):
        return None, document.problems
    if not isinstance(value, Mapping):
        allowed = "a mapping with apiVersion, kind, metadata and spec"
        return None, (*document.problems, Problem(file, start, "", f"is {shown(value)}", allowed))
    kind = value.get("kind")
    model = KINDS.get(kind) if isinstance(kind, str) else None
    if model is None:
        wrong = f"is {shown(kind)}" if "kind" in value else "is missing"
        problem = Problem(file, document.lines.get("kind", start), "kind", wrong, suggestion(str(kind), KINDS))
        return None, (*document.problems, problem)
    return model, document.problems


def _identity(value: object) -> Identity | None:
    """Tell which document this is, as far as its text says; None: it does not say."""
    if not isinstance(value, Mapping) or not isinstance(value.get("metadata"), Mapping):
        return None
    kind, metadata = value.get("kind"), value["metadata"]
    name, namespace = metadata.get("name"), metadata.get("namespace", "")
    if kind not in tuple(KINDS) or not isinstance(name, str) or not isinstance(namespace, str):
        return None
    return Identity(cast(str, kind), namespace if kind == "ScalingPolicy" else "", name)


def _documents(policies: PolicySet) -> Iterator[tuple[Identity, _Any]]:
    for name, tenant in policies.tenants.items():
        yield Identity("Tenant", "", name), tenant
    for namespace, named in policies.policies.items():
        for name, policy in named.items():
            yield Identity("ScalingPolicy", namespace, name), policy


def _by_name(item: tuple[Identity, _Any]) -> tuple[str, str, str]:
    return item[0].kind, item[0].namespace, item[0].name


def _place(loaded: _Any, path: str) -> tuple[str, int]:
    return loaded.file, loaded.line(path)
