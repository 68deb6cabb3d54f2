"""Paths of parameters: which value of a scenario or of a policy document a study varies."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from autoscaler.policy.problems import path_text, shown, suggestion

KINDS = ("ScalingPolicy", "Tenant")
"""Documents whose fields a path may name; any other path is the scenario's."""

_DOCUMENT = re.compile(rf"({'|'.join(KINDS)})/(?:([-a-z0-9*]+)/)?([-a-z0-9.*]+?)\.(?=spec\b|metadata\b)")
_STEP = re.compile(r"\.?(?:([A-Za-z_][A-Za-z0-9_]*)|\[([0-9]+|\*)\]|\[\"([^\"]+)\"\]|/([-a-z0-9*]+(?:/[-a-z0-9*]+)?))")

ALLOWED = (
    "a scenario's field such as `startUp`, `functions[0].service` or `functions/resize.service` (an entry by its name), "
    'a key in quotes as in `labels["a.b/c"]`, or a document\'s field such as `ScalingPolicy/default.spec.zero.after` '
    "or `ScalingPolicy/NAMESPACE/default.spec…`; `*` stands for every entry"
)


class PathError(Exception):
    """A path that names nothing, or nothing in this text.

    Attributes:
        wrong: what is wrong.
        allowed: what is allowed instead.
    """

    def __init__(self, wrong: str, allowed: str) -> None:
        super().__init__(f"{wrong}; allowed: {allowed}")
        self.wrong, self.allowed = wrong, allowed


@dataclass(frozen=True, slots=True)
class Named:
    """A step into a list: entries by their name; `namespace` None: of any namespace. Both may hold `*`."""

    name: str
    namespace: str | None = None

    def matches(self, entry: object) -> bool:
        """Tell whether an entry of a list has this name."""
        if not isinstance(entry, Mapping):
            return False
        name, namespace = str(entry.get("name", "")), str(entry.get("namespace", ""))
        return fnmatchcase(name, self.name) and (self.namespace is None or fnmatchcase(namespace, self.namespace))

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


Step = str | int | Named
"""A key, a position, or entries by name."""

EVERY = Named("*")


@dataclass(frozen=True, slots=True)
class Path:
    """Where a value stands.

    Attributes:
        text: as it was written.
        kind: of the documents it is about; None: it is about the scenario.
        document: their names, and namespaces where it says so.
        steps: from the top of the text.
    """

    text: str
    kind: str | None
    document: Named | None
    steps: tuple[Step, ...]

    @classmethod
    def parse(cls, text: str) -> "Path":
        """Read a path.

        Raises:
            PathError: it is none.
        """
        head = _DOCUMENT.match(text)
        if head is None and text.startswith(tuple(f"{kind}/" for kind in KINDS)):
            raise PathError(f"{shown(text)} names no field of a document", ALLOWED)
        place, steps = head.end() if head else 0, list[Step]()
        while place < len(text):
            match = _STEP.match(text, place)
            if match is None or (not steps and match.group(0).startswith((".", "/", "["))):
                raise PathError(f"{shown(text)} is no path: {shown(text[place:])} cannot be read", ALLOWED)
            steps.append(_step(match))
            place = match.end()
        if not steps:
            raise PathError(f"{shown(text)} is no path", ALLOWED)
        return cls(text, head[1] if head else None, Named(head[3], head[2]) if head else None, tuple(steps))

    def is_of(self, document: object) -> bool:
        """Tell whether it is about this policy document."""
        if self.document is None or not isinstance(document, Mapping) or document.get("kind") != self.kind:
            return False
        return self.document.matches(document.get("metadata"))


def _step(match: re.Match[str]) -> Step:
    key, position, quoted, name = match.groups()
    if position is not None:
        return EVERY if position == "*" else int(position)
    if name is not None:
        namespace, _, last = name.rpartition("/")
        return Named(last, namespace or None)
    return str(key or quoted)


def put(value: object, steps: Sequence[Step], new: object, done: tuple[str | int, ...] = ()) -> object:
    """Give a text's value with another value at a path; what is not on the way is shared, nothing is changed.

    A mapping that is missing on the way, or null, is made: whoever reads the result says whether its fields exist.

    Raises:
        PathError: the path leads nowhere.
    """
    if not steps:
        return new
    step, rest = steps[0], steps[1:]
    if isinstance(step, str):
        if value is None:
            value = {}
        if not isinstance(value, Mapping):
            raise PathError(f"{_place(done)} is {shown(value)}, which has no field {step}", "a path to a field")
        return {**value, step: put(value.get(step), rest, new, (*done, step))}
    if not isinstance(value, list):
        raise PathError(f"{_place(done)} is {shown(value)} and no list", "a path of fields, without an entry here")
    chosen = _chosen(value, step, done)
    return [put(item, rest, new, (*done, at)) if at in chosen else item for at, item in enumerate(value)]


def _chosen(entries: list[object], step: int | Named, done: tuple[str | int, ...]) -> frozenset[int]:
    """Give the positions of the entries that a step means."""
    if isinstance(step, int):
        if step >= len(entries):
            allowed = f"[0] to [{len(entries) - 1}]" if entries else "no entry: the list is empty"
            raise PathError(f"{_place(done)} has no entry [{step}]", allowed)
        return frozenset({step})
    found = frozenset(at for at, entry in enumerate(entries) if step == EVERY or step.matches(entry))
    if not found:
        names = [str(entry["name"]) for entry in entries if isinstance(entry, Mapping) and "name" in entry]
        raise PathError(f"{_place(done)} has no entry named {step}", suggestion(step.name, names) or "[0], [1], …")
    return found


def _place(done: tuple[str | int, ...]) -> str:
    return path_text(done) or "the text"
