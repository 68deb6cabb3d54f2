"""One line of the self-test: what was expected, what came, and how far apart they may be."""

from dataclasses import dataclass
from typing import Literal

from autoscaler.simulator.validation.estimates import Estimate

Verdict = Literal["pass", "fail", "reported"]

STANDARD_ERRORS = 3.0
"""Distance that chance alone exceeds in one of 370 honest rows."""

FLOAT_PRECISION = 1e-9
"""Relative distance of two sums of the same seconds, added up in another order."""


@dataclass(frozen=True, slots=True)
class Check:
    """One quantity.

    Attributes:
        name: what it is, with its parameters.
        expected: by formula, golden run, publication or measurement.
        got: ours.
        tolerance: largest allowed distance; None: reported, no verdict.
        basis: where the tolerance comes from (`3 SE`, `10 %`, `exact`); of a reported row, what it was measured on.
        is_chance: chance alone may carry it beyond its tolerance.
    """

    name: str
    expected: float
    got: float
    tolerance: float | None
    basis: str
    is_chance: bool = False

    @property
    def verdict(self) -> Verdict:
        if self.tolerance is None:
            return "reported"
        return "pass" if abs(self.got - self.expected) <= self.tolerance else "fail"


def by_errors(name: str, expected: float, got: Estimate, *, expected_error: float = 0.0, slack: float = 0.0) -> Check:
    """Judge an estimate by its standard error.

    Args:
        expected_error: standard error of the expected value; 0: it is exact.
        slack: further distance allowed, where one of the two has no more digits.
    """
    error = (got.error**2 + expected_error**2) ** 0.5
    basis = f"{STANDARD_ERRORS:g} SE" + (" + resolution" if slack else "")
    return Check(name, expected, got.mean, STANDARD_ERRORS * error + slack, basis, is_chance=True)


def by_fraction(name: str, expected: float, got: float, fraction: float) -> Check:
    """Judge a value by its relative distance."""
    return Check(name, expected, got, fraction * abs(expected), f"{100 * fraction:g} %")


def exactly(name: str, expected: float, got: float, decimals: int | None = None) -> Check:
    """Judge a value that is a count, or written with so many decimals."""
    if decimals is None:
        return Check(name, expected, got, 0.0, "exact")
    return Check(name, expected, got, 0.5000001 * 10.0**-decimals, f"exact to {decimals} decimals")


def by_precision(name: str, expected: float, got: float) -> Check:
    """Judge two sums that are one by nature."""
    return Check(name, expected, got, FLOAT_PRECISION * max(abs(expected), abs(got)), "float precision")


def reported(name: str, expected: float, got: float, measured_on: str) -> Check:
    """Show a value beside ours without a verdict."""
    return Check(name, expected, got, None, measured_on)
