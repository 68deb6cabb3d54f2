"""One document at a time: from a piece of a file's text or a custom resource to a valid document, or what is wrong.

Whatever somebody writes costs a bounded time: what is too large is refused before it is looked into, and of what has
more mistakes than anybody would read only their number is told.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from pydantic import ValidationError

from autoscaler.policy.contradictions import contradictions, of_concurrency_budget, of_queries
from autoscaler.policy.documents import KINDS, ScalingPolicy, Tenant
from autoscaler.policy.loaded import AnyLoaded, Loaded, Read
from autoscaler.policy.parsing import MAX_CHARACTERS, MAX_DEPTH, YamlDocument, pieces, read_documents, read_piece
from autoscaler.policy.precedence import tenant_layers
from autoscaler.policy.problems import Problem, path_text, problems_of, shown, suggestion
from autoscaler.policy.resources import MAX_BYTES, Given, Identity, Resource

MAX_VALUES = 5_000
"""Values of one document: as many wrong ones hold every other thread for 4 ms while they are checked."""
MAX_MISTAKES = 100
MAX_APPLIED = 64 << 10
"""Characters of what was applied in which dropped nulls are looked for."""

Pieces = Mapping[tuple[str, int], tuple[Read, ...]]
"""What a file's pieces came to, by text and the lines before it."""


def read_file(file: str, text: str, known: Pieces, given: Given) -> Pieces:
    """Read a file's documents, each for itself; a piece that stands where it stood is not read again.

    Args:
        known: what the pieces of its last text came to.
    """
    if len(text) > MAX_CHARACTERS:
        return {("", 0): tuple(_read(file, document, given) for document in read_documents(file, text))}
    found: dict[tuple[str, int], tuple[Read, ...]] = {}
    for piece in pieces(text):
        if piece in known:
            found[piece] = known[piece]
            continue
        document = read_piece(file, *piece)
        found[piece] = () if document is None else (_read(file, document, given),)
    return found


def read_resource(resource: Resource, given: Given) -> Read:
    """Read a custom resource; what is wrong with it has its place and field paths."""
    place, identity = resource.place, resource.identity
    if resource.document is None:
        wrong, allowed = f"has {resource.size_bytes} bytes, so it was not read", f"at most {MAX_BYTES} bytes"
    elif not _is_small(resource.document):
        wrong, allowed = "is too large", f"at most {MAX_VALUES} values, nested {MAX_DEPTH} deep"
    else:
        loaded, problems = _validated(place, YamlDocument(resource.document, {}, ()), given, resource)
        lost = tuple(_lost(resource))
        return Read(identity, None if lost else loaded, (*problems, *lost), (place, None))
    return Read(identity, None, (Problem(place, None, "", wrong, allowed),), (place, None))


def _lost(resource: Resource) -> Iterator[Problem]:
    """Name nulls that were applied and are not there: `kubectl apply` drops them, and left out is inherited instead.

    Source: kubernetes issue 129456; `kubectl apply --server-side`, `create` and `replace` keep them.
    """
    if resource.applied is None or resource.document is None or len(resource.applied) > MAX_APPLIED:
        return
    try:
        applied = json.loads(resource.applied)
    except (ValueError, RecursionError):
        return
    root = ("spec",) if resource.identity.kind == "ScalingPolicy" else ("spec", "defaults")
    for parts in _nulls_without(_below(applied, root), _below(resource.document, root), root):
        wrong = "is null in what was applied, and `kubectl apply` dropped it, so that it would be inherited"
        allowed = "`kubectl apply --server-side`, which keeps it"
        yield Problem(resource.place, None, path_text(parts), wrong, allowed)


def _below(value: object, parts: Sequence[str]) -> object:
    for part in parts:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _nulls_without(applied: object, there: object, parts: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Give the path of each field that is null in one mapping and missing in the other; lists are kept whole anyway."""
    if not isinstance(applied, Mapping) or len(parts) > MAX_DEPTH:
        return
    own = there if isinstance(there, Mapping) else {}
    for key, value in applied.items():
        if value is None and key not in own:
            yield (*parts, key)
        yield from _nulls_without(value, own.get(key), (*parts, key))


def _is_small(document: object) -> bool:
    """Tell whether a document is neither too large nor nested too deeply."""
    waiting, values = [(document, 0)], 0
    while waiting:
        value, depth = waiting.pop()
        inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
        values += 1
        if values + len(waiting) + len(inner) > MAX_VALUES or depth > MAX_DEPTH:
            return False
        waiting += [(one, depth + 1) for one in inner]
    return True


def _read(file: str, document: YamlDocument, given: Given) -> Read:
    identity, start = _identity(document.value), document.lines.get("", 1)
    place = file, document.lines.get("metadata.name", start)
    if len(document.lines) > MAX_VALUES:
        problem = Problem(file, start, "", "is too large", f"at most {MAX_VALUES} values")
        return Read(identity, None, (*document.problems, problem), place)
    loaded, problems = _validated(file, document, given, None)
    return Read(identity, loaded, tuple(problems), place)


def _validated(
    file: str, document: YamlDocument, given: Given, resource: Resource | None
) -> tuple[AnyLoaded | None, Sequence[Problem]]:
    model, problems = _model(file, document)
    if model is None:
        return None, problems
    try:
        valid = model.model_validate(document.value)
    except ValidationError as error:
        return None, (*problems, *_mistakes(error, model, file, document))
    if problems:
        return None, problems
    if isinstance(valid, ScalingPolicy):
        return Loaded(valid, file, document.lines, resource=resource), ()
    tenant = Loaded(valid, file, document.lines, resource=resource)
    problems = tuple(_tenant_problems(tenant, given))
    return (None if problems else tenant), problems


def _mistakes(
    error: ValidationError, model: type[Tenant] | type[ScalingPolicy], file: str, document: YamlDocument
) -> Sequence[Problem]:
    count = error.error_count()
    if count <= MAX_MISTAKES:
        return problems_of(error, model, file, document.lines)
    return (Problem(file, document.lines.get(""), "", f"has {count} mistakes", f"{MAX_MISTAKES} are named one by one"),)


def _tenant_problems(loaded: Loaded[Tenant], given: Given) -> Iterator[Problem]:
    """Name what a Tenant says that cannot be, whatever else there is."""
    spec = loaded.document.spec

    def problem(path: str, wrong: str, allowed: str, code: str = "Invalid") -> Problem:
        return Problem(loaded.file, loaded.line(path), path, wrong, allowed, code)

    if given.sources is not None and spec.source not in given.sources:
        allowed = suggestion(spec.source, given.sources)
        yield problem("spec.source", f"is {shown(spec.source)}", allowed, "UnknownSource")
    if given.pools is not None and spec.pool not in given.pools:
        yield problem("spec.pool", f"is {shown(spec.pool)}", suggestion(spec.pool, given.pools), "UnknownPool")
    for key in spec.namespace_selector.match_labels if spec.namespace_selector is not None else ():
        if given.label_keys is not None and key not in given.label_keys:
            allowed = ", ".join(sorted(given.label_keys)) or "none: the setting namespaceLabels names no key"
            yield problem(
                "spec.namespaceSelector.matchLabels", f"has {shown(key)}, which may not select namespaces", allowed
            )
    fields = tenant_layers(spec.defaults, loaded.at)
    for found in (
        *contradictions(fields),
        *of_concurrency_budget(fields, spec.budget.concurrency.cap),
        *of_queries(spec.defaults.metrics, listed(loaded), (), spec.bounds.max_queries),
    ):
        yield problem(f"spec.defaults.{found.path}", found.wrong, found.allowed)


def listed(tenant: Loaded[Tenant]) -> Sequence[str] | None:
    """Give the namespaces that a Tenant lists; None: it selects them by labels."""
    spec = tenant.document.spec
    return spec.namespaces if spec.namespace_selector is None else None


def _model(file: str, document: YamlDocument) -> tuple[type[Tenant] | type[ScalingPolicy] | None, tuple[Problem, ...]]:
    """Find the model of a document's kind."""
    value, start = document.value, document.lines.get("")
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
