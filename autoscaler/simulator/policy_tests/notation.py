"""Loads as a test writes them: promtool's series notation, and values or ramps of spans."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator, InstanceOf

MOST_SAMPLES = 100_000
"""Samples of one series at most; promtool's notation says a million of them in eight characters."""

_NUMBER = r"[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?"
_TERM = re.compile(rf"(?P<first>-?{_NUMBER})(?:(?P<step>[-+]{_NUMBER})?x(?P<more>[0-9]+))?")
_UNKNOWN = re.compile(r"_(?:x(?P<many>[0-9]+))?")
_RAMP = re.compile(rf"(?P<first>-?{_NUMBER})(?:\.\.(?P<last>-?{_NUMBER}))?")

SERIES_ALLOWED = (
    "a number that holds throughout, or promtool's notation: 40x5 (40, and 5 times more), 0+10x4 (0 10 20 30 40), "
    "_x3 (3 times unknown), separated by spaces"
)
VALUE_ALLOWED = "a number, FROM..TO for a straight ramp such as 10..50, or _ for unknown"


@dataclass(frozen=True, slots=True)
class Series:
    """Values that follow each other, each for one interval.

    Attributes:
        values: nan: unknown; never negative, never infinite.
        is_endless: it is one value that holds throughout.
    """

    values: tuple[float, ...]
    is_endless: bool = False


@dataclass(frozen=True, slots=True)
class Ramp:
    """A value at the beginning of a span and at its end, straight between; nan: unknown."""

    first: float
    last: float


def parse_series(written: object) -> Series:
    """Read a number, or a text in promtool's notation.

    Raises:
        ValueError: it is neither; the message says what is allowed.
    """
    if _is_number(written):
        return Series((_load(written),), is_endless=True)
    if not isinstance(written, str) or not written.split():
        raise ValueError(SERIES_ALLOWED)
    values: list[float] = []
    for term in written.split():
        count, samples = _samples(term)
        if len(values) + count > MOST_SAMPLES:
            raise ValueError(f"at most {MOST_SAMPLES} samples; use spans (from, to) or a longer interval for more")
        values += samples
    return Series(tuple(values))


def _samples(term: str) -> tuple[int, Iterator[float]]:
    """Give how many samples a term stands for, and them; nothing is expanded before it is counted."""
    if unknown := _UNKNOWN.fullmatch(term):
        many = _count(unknown["many"] or "1")
        return many, (math.nan for _ in range(many))
    found = _TERM.fullmatch(term)
    if found is None:
        raise ValueError(f"{SERIES_ALLOWED}; {term[:40]!r} is none of them")
    first, step, more = float(found["first"]), float(found["step"] or 0), _count(found["more"] or "0")
    lowest = min(first, first + step * more)
    if lowest < 0 or not math.isfinite(first + step * more):
        raise ValueError(f"loads of 0 and more; {term[:40]!r} reaches {lowest:g}")
    return more + 1, (first + step * number for number in range(more + 1))


def _count(digits: str) -> int:
    return int(digits) if len(digits) < 10 else 10**9


def parse_value(written: object) -> Ramp:
    """Read what a span says of a metric.

    Raises:
        ValueError: it is no value; the message says what is allowed.
    """
    if _is_number(written):
        value = _load(written)
        return Ramp(value, value)
    if written == "_":
        return Ramp(math.nan, math.nan)
    found = _RAMP.fullmatch(written) if isinstance(written, str) else None
    if found is None:
        raise ValueError(VALUE_ALLOWED)
    first = float(found["first"])
    return Ramp(_load(first), _load(float(found["last"]) if found["last"] is not None else first))


def _is_number(written: object) -> bool:
    return isinstance(written, int | float) and not isinstance(written, bool)


def _load(number: object) -> float:
    value = float(number) if isinstance(number, int | float) else math.nan
    if not 0 <= value < math.inf:
        raise ValueError("a load of 0 or more; _ stands for unknown")
    return value


SeriesField = Annotated[InstanceOf[Series], BeforeValidator(parse_series)]
RampField = Annotated[InstanceOf[Ramp], BeforeValidator(parse_value)]
