"""Values of the core, taken apart into numbers, columns and a tree that says what stands where; and put together.

It goes over the fields that a class has, so a column that a later version adds is in the log without a line here.
"""

import typing
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from enum import IntEnum
from functools import cache
from types import UnionType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoscaler.core.columns import Floats, Ints
from autoscaler.core.decisions import Decisions
from autoscaler.core.events import BoostFiring, BoostResolved, Wake
from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.core.journal.step import JournalError
from autoscaler.core.nothing import empty_fleet
from autoscaler.core.now import Now
from autoscaler.core.observation import Observation
from autoscaler.core.reasons import REASON_OF
from autoscaler.core.stages import Stage
from autoscaler.core.trail import Applied

Tree = Any
"""JSON: `{"n": place}` a number, text or claim; `{"c": name}` a column;
`{"t": name}` texts of a fleet; `{"f": known}` the fleet, or the empty one; `{"l": […]}` a sequence;
`{"e": [class, number]}` one of an enumeration; `{"a": [stage, reason, name]}` a change that a rule made;
`{"k": class, "v": {…}}` a value; null None."""

Column = NDArray[Any]


@dataclass(slots=True)
class Parts:
    """A value taken apart.

    Attributes:
        plain: numbers, texts and claims, by place.
        columns: arrays by path.
        texts: tuples of texts or keys that belong to a fleet, by path.
        changes: changes that rules made, by a name that the same rule has in every step.
        fleet: the fleet that the log knows; another one can only be that of a step before any observation.
    """

    fleet: Fleet | None = None
    plain: list[Any] = field(default_factory=list)
    columns: dict[str, Column] = field(default_factory=dict)
    texts: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    changes: dict[str, Applied] = field(default_factory=dict)

    def take(self, value: object, path: str) -> Tree:
        """Take a value apart; give its tree.

        Raises:
            TypeError: a value of a kind that no log has.
        """
        if value is None:
            return None
        if isinstance(value, np.ndarray):
            self.columns[path] = value
            return {"c": path}
        if isinstance(value, IntEnum):
            return {"e": [type(value).__name__, int(value)]}
        if isinstance(value, Applied) and is_ascending(value.rows):
            return self._take_change(value)
        if isinstance(value, bool | int | float | str):
            self.plain.append(value)
            return {"n": len(self.plain) - 1}
        if isinstance(value, Fleet):
            return {"f": value is self.fleet}
        if is_dataclass(value) or hasattr(value, "_fields"):
            return self.take_fields(value, path)
        if isinstance(value, tuple):
            return {"l": [self.take(one, f"{path}.{place}") for place, one in enumerate(value)]}
        raise TypeError(f"{path}: {type(value).__name__} has no place in a decision log")

    def _take_change(self, change: Applied) -> Tree:
        """Name a change by its rule: what a rule binds is mostly what it bound a tick ago."""
        stage, reason, number = int(change.stage), int(change.reason), 0
        while (name := f"d.applied.{stage}.{reason}.{number}") in self.changes:
            number += 1
        self.changes[name] = change
        return {"a": [stage, reason, name]}

    def take_fields(self, value: object, path: str) -> Tree:
        """Take a value of several fields apart; a field that was left out, or holds its default itself, is left out."""
        tree = {
            name: self.take(getattr(value, name), f"{path}.{name}")
            for name, known in _fields_of(type(value)).items()
            if not _is_left_out(getattr(value, name), known)
        }
        return {"k": type(value).__name__, "v": tree}

    def take_fleet(self, fleet: Fleet) -> Tree:
        """Take a fleet apart; what can be made from its keys is left out."""
        tree: dict[str, Tree] = {}
        for name, known in _fields_of(Fleet).items():
            value = getattr(fleet, name)
            if isinstance(value, Mapping) or _is_left_out(value, known):
                continue
            tree[name] = self._take_lanes(value, name)
        return {"k": "Fleet", "v": tree}

    def _take_lanes(self, value: object, path: str) -> Tree:
        if isinstance(value, tuple) and all(isinstance(one, str | FunctionKey) for one in value[:1]):
            self.texts[path] = value
            return {"t": path}
        if is_dataclass(value):
            inner = {name: self._take_lanes(getattr(value, name), f"{path}.{name}") for name in _fields_of(type(value))}
            return {"k": type(value).__name__, "v": inner}
        return self.take(value, path)


def put_together(
    tree: Tree,
    plain: Sequence[Any],
    column: Callable[[str], Column],
    texts: Mapping[str, tuple[Any, ...]],
    fleet: Fleet | None,
    change: Callable[[str], tuple[Ints, Floats]] | None = None,
) -> Any:
    """Put a value together again.

    Args:
        column: gives the column of a path.
        change: gives positions and replicas of a change of a name.
        fleet: what stands for the fleet.

    Raises:
        JournalError: another version wrote it, whose values cannot be made here.
    """
    if tree is None:
        return None
    ((sign, inside), *more) = tree.items()
    match sign:
        case "n":
            return plain[inside]
        case "c":
            return column(inside)
        case "t":
            return texts[inside]
        case "f":
            return fleet if inside else empty_fleet()
        case "l":
            return tuple(put_together(one, plain, column, texts, fleet, change) for one in inside)
        case "e":
            return _class(inside[0])(inside[1])
        case "a" if change is not None:
            rows, before = change(inside[2])
            return Applied(Stage(inside[0]), rows, before, REASON_OF[inside[1]])
        case "k":
            values = {
                name: put_together(one, plain, column, texts, fleet, change)
                for name, one in more[0][1].items()
                if name in _fields_of(_class(inside))
            }
            return _made(_class(inside), values)
    raise JournalError(f"a log of another version: {sign!r} is not known")


def is_ascending(rows: Ints) -> bool:
    """Tell whether positions ascend, each once, so that which they are says all."""
    return bool((np.diff(rows) > 0).all())


def _class(name: str) -> type[Any]:
    try:
        return _CLASSES[name]
    except KeyError:
        raise JournalError(f"a log of another version: there is no {name}") from None


def _made(kind: type[Any], values: dict[str, Any]) -> Any:
    if kind is Fleet:
        values["row_of"] = {key: row for row, key in enumerate(values["keys"])}
    try:
        return kind(**values)
    except TypeError as error:
        raise JournalError(f"a log of another version: {error}") from None


def _is_left_out(value: object, known: "Field[Any] | None") -> bool:
    """Tell whether making the value again gives this very object without being told."""
    if known is None:
        return False
    if known.default is not MISSING:
        return value is not None and value is known.default and not isinstance(value, bool | int | float | str)
    is_empty = isinstance(value, np.ndarray) and value.size == 0
    return is_empty and known.default_factory is not MISSING and value is known.default_factory()


def _fields_of(kind: Any) -> "Mapping[str, Field[Any] | None]":
    return _fields_once(kind)


@cache
def _fields_once(kind: Hashable) -> "Mapping[str, Field[Any] | None]":
    if isinstance(kind, type) and is_dataclass(kind):
        return {one.name: one for one in fields(kind)}
    names: tuple[str, ...] = getattr(kind, "_fields", ())
    return dict.fromkeys(names)


def _classes(root: Any, found: dict[str, type[Any]]) -> dict[str, type[Any]]:
    """Find every class of several fields that a class's annotations lead to."""
    if isinstance(root, type) and issubclass(root, IntEnum):
        found[root.__name__] = root
    elif isinstance(root, type) and (is_dataclass(root) or hasattr(root, "_fields")):
        if root.__name__ not in found:
            found[root.__name__] = root
            for hint in typing.get_type_hints(root).values():
                _classes(hint, found)
    elif isinstance(root, UnionType) or typing.get_origin(root) is not None:
        for inner in typing.get_args(root):
            _classes(inner, found)
    return found


_CLASSES: dict[str, type[Any]] = {}
for _root in (Observation, Decisions, Fleet, Wake, BoostFiring, BoostResolved, Now):
    _classes(_root, _CLASSES)
