"""How one label's value holds a namespace and a function's name: a text with holes, such as `{namespace}_{function}`."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import NamedTuple

NAMESPACE, FUNCTION, ANYTHING = "{namespace}", "{function}", "{*}"
_HOLES = re.compile(r"(\{[^{}]*\})")
_NAMESPACE = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")
_FUNCTION = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?")
_MOST_HOLES = 4
_LONGEST = 512
_MOST_TRIES = 2_000


@dataclass(frozen=True, slots=True)
class NamePattern:
    """A text with holes.

    Attributes:
        text: as it was written.
        parts: literals and holes, in turn; the first and last are literals, maybe empty.
    """

    text: str
    parts: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> "NamePattern":
        """Read a pattern.

        Raises:
            ValueError: says what is wrong and what is allowed.
        """
        parts = tuple(_HOLES.split(text))
        holes = parts[1::2]
        unknown = [hole for hole in holes if hole not in (NAMESPACE, FUNCTION, ANYTHING)]
        if unknown:
            raise ValueError(f"{unknown[0]} is no hole; allowed: {NAMESPACE}, {FUNCTION} and {ANYTHING} (anything)")
        if any(brace in literal for literal in parts[::2] for brace in "{}"):
            raise ValueError(f"a brace has no partner; allowed: the holes {NAMESPACE}, {FUNCTION} and {ANYTHING}")
        if holes.count(FUNCTION) != 1 or holes.count(NAMESPACE) > 1:
            raise ValueError(f"allowed: {FUNCTION} exactly once, {NAMESPACE} at most once")
        if len(holes) > _MOST_HOLES:
            raise ValueError(f"has {len(holes)} holes; allowed: {_MOST_HOLES}")
        if "" in parts[2:-1:2]:
            raise ValueError("two holes touch, and nothing says where one ends; allowed: holes with text between them")
        return cls(text, parts)

    @property
    def has_namespace(self) -> bool:
        """Whether the value holds the namespace too."""
        return NAMESPACE in self.parts[1::2]

    def splits(self, value: str, known: "Known | None" = None) -> frozenset[tuple[str | None, str]]:
        """Give every way in which a value may be read: namespace (None: it holds none) and function.

        A namespace is a DNS label, a function a DNS subdomain; nothing else is a reading. A value that is longer than
        names can make it has none, and so has one with thousands of ways to try: which is meant, nobody could tell.

        Args:
            known: the only names that count; None: any name does.
        """
        if len(value) > _LONGEST or not value.startswith(self.parts[0]):
            return frozenset()
        found: set[tuple[str | None, str]] = set()
        waiting: list[_Partly] = [_Partly(len(self.parts[0]), 1, None, "")]
        tried = 0
        while waiting:
            partly = waiting.pop()
            if partly.place == len(self.parts):
                found.add((partly.namespace, partly.function))
                continue
            for end in self._ends(value, partly):
                tried += 1
                if tried > _MOST_TRIES:
                    return frozenset()
                filled = self._filled(value, partly, end, known)
                if filled is not None:
                    waiting.append(filled)
        return frozenset(found)

    def _ends(self, value: str, partly: "_Partly") -> Iterator[int]:
        """Give where the next hole may end: where its literal begins; the last one's stands at the value's end.

        Where only holes for anything are left, one way to fill them is as good as all: the shortest leaves most.
        """
        start, place, namespace, function = partly
        literal = self.parts[place + 1]
        if place + 2 == len(self.parts):
            end = len(value) - len(literal)
            if end >= start and value.endswith(literal):
                yield end
            return
        is_named = function != "" and (namespace is not None or not self.has_namespace)
        end = value.find(literal, start)
        while end >= 0:
            yield end
            end = -1 if is_named else value.find(literal, end + 1)

    def _filled(self, value: str, partly: "_Partly", end: int, known: "Known | None") -> "_Partly | None":
        """Fill the next hole with what stands before `end`; None: it cannot hold that."""
        start, place, namespace, function = partly
        hole, held = self.parts[place], value[start:end]
        if hole == NAMESPACE:
            if not (_NAMESPACE.fullmatch(held) if known is None else held in known.namespaces):
                return None
            namespace = held
        elif hole == FUNCTION:
            if not (_FUNCTION.fullmatch(held) if known is None else held in known.functions):
                return None
            function = held
        return _Partly(end + len(self.parts[place + 1]), place + 2, namespace, function)


class Known(NamedTuple):
    """Names that there are: a value of hundreds of dashes is read at once where few of its parts are any."""

    namespaces: Collection[str]
    functions: Collection[str]


class _Partly(NamedTuple):
    """A value that is read up to `start`; the hole at `place` comes next."""

    start: int
    place: int
    namespace: str | None
    function: str
