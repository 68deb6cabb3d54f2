"""The cells of a study: every policy, trace, parameter and seed with every other."""

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from autoscaler.simulator.sweeps.study import PolicyVariant, Range, Study, Value, as_text

OWN_TRACE = ""
"""Stands for the scenario's own workloads."""

Settings = tuple[tuple[str, str], ...]
"""Parameters of a configuration: path and value, as JSON; in the order of the study."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """One choice of everything but the seed.

    Attributes:
        policy: name of the policy variant.
        trace: name of the trace variant; `OWN_TRACE`: the scenario's own workloads.
        settings: its parameters.
    """

    policy: str
    trace: str
    settings: Settings

    @property
    def values(self) -> dict[str, Value]:
        """The parameters by path."""
        return {path: json.loads(text) for path, text in self.settings}

    def setting(self, path: str, value: Value) -> "Configuration":
        """Give the same with one parameter set, in its place or at the end."""
        text = as_text(value)
        if path in dict(self.settings):
            settings = tuple((name, text if name == path else old) for name, old in self.settings)
        else:
            settings = (*self.settings, (path, text))
        return Configuration(self.policy, self.trace, settings)

    def __str__(self) -> str:
        words = [self.policy, *([self.trace] if self.trace != OWN_TRACE else [])]
        return " ".join([*words, *(f"{short(path)}={typed(value)}" for path, value in self.values.items())])


@dataclass(frozen=True, slots=True)
class Cell:
    """One run."""

    configuration: Configuration
    seed: int


@dataclass(frozen=True, slots=True)
class Grid:
    """All configurations of a study; none is made before it is asked for.

    Attributes:
        study: it is of.
        without: path of the parameter that a search sets itself; None: none.
    """

    study: Study
    without: str | None = None

    @property
    def traces(self) -> tuple[str, ...]:
        """Names of the trace variants."""
        return tuple(trace.name for trace in self.study.traces) or (OWN_TRACE,)

    def tables(self, policy: PolicyVariant) -> Mapping[str, Sequence[Value]]:
        """Give the values of a policy's parameters."""
        return {path: values for path, values in self.study.parameters_of(policy).items() if path != self.without}

    @property
    def configurations(self) -> int:
        """How many configurations there are; it may be more than could ever be run."""
        sizes = (math.prod(map(len, self.tables(policy).values())) for policy in self.study.policies)
        return sum(sizes) * len(self.traces)

    @property
    def cells(self) -> int:
        """How many runs that is."""
        return self.configurations * len(self.study.seed_list)

    def __iter__(self) -> Iterator[Configuration]:
        """Give the configurations, trace by trace, policy by policy."""
        for trace in self.traces:
            for policy in self.study.policies:
                tables = self.tables(policy)
                for chosen in _product(list(tables.values())):
                    settings = tuple((path, as_text(value)) for path, value in zip(tables, chosen, strict=True))
                    yield Configuration(policy.name, trace, settings)

    def singles(self) -> Iterator[tuple[Configuration, str | None, int]]:
        """Give configurations in which every value of every parameter is once, the others at their first.

        Yields:
            The configuration, and which parameter has which of its values; None: all are at their first.
        """
        for trace in self.traces:
            for policy in self.study.policies:
                tables = self.tables(policy)
                firsts = tuple((path, as_text(values[0])) for path, values in tables.items())
                base = Configuration(policy.name, trace, firsts)
                yield base, None, 0
                for path, values in tables.items():
                    for place in _looked_at(values):
                        yield base.setting(path, values[place]), path, place


MOST_SINGLES = 100
"""Values of a list that are looked at before a sweep starts; further ones are in their runs."""


def _looked_at(values: Sequence[Value]) -> Iterable[int]:
    """Give the places of the values that are looked at before a sweep starts, but the first; of numbers the last."""
    if isinstance(values, Range):
        return range(max(len(values) - 1, 1), len(values))
    return range(1, min(len(values), MOST_SINGLES))


MOST_COPIED = 1_000


def _product(tables: list[Sequence[Value]]) -> Iterator[tuple[Value, ...]]:
    """Give every combination, the last table fastest, without a copy of any table (`itertools.product` makes one)."""
    if not tables:
        yield ()
        return
    if all(len(table) <= MOST_COPIED for table in tables):
        yield from product(*tables)
        return
    for place in range(len(tables[0])):
        for rest in _product(tables[1:]):
            yield (tables[0][place], *rest)


def cell_key(cell: Cell, contents: Mapping[str, str], rest: str) -> str:
    """Name a cell by what it is run with, so that the same cell is known in a later run.

    Args:
        contents: hash of what each policy and trace variant says, by name (`policy/NAME`, `trace/NAME`).
        rest: hash of everything else but the seed: scenario, program version.
    """
    mine = cell.configuration
    parts = [rest, contents[f"policy/{mine.policy}"], contents[f"trace/{mine.trace}"], mine.settings, cell.seed]
    return hashlib.blake2b(as_text(parts).encode(), digest_size=16).hexdigest()


def typed(value: object) -> str:
    """Write a value as it stands in a study: `2m`, `{after: 2m}`, `null`."""
    match value:
        case str():
            return value
        case Mapping():
            return f"{{{', '.join(f'{key}: {typed(inner)}' for key, inner in value.items())}}}"
        case list() | tuple():
            return f"[{', '.join(map(typed, value))}]"
    return json.dumps(value)


def short(path: str) -> str:
    """Give the last words of a path, for tables."""
    return path.rpartition(".spec.")[2]
