"""Durations and moments that flags are given."""

from autoscaler.cli.errors import WrongConfiguration
from autoscaler.policy.problems import Problem
from autoscaler.policy.quantities import parse_duration
from autoscaler.simulator.instants import parse_instant


def duration_s(option: str, text: str) -> float:
    """Give the seconds of a duration.

    Raises:
        WrongConfiguration: it is none.
    """
    try:
        return parse_duration(text)
    except ValueError as error:
        raise WrongConfiguration(f"{option} {quoted(text)} is no duration; allowed: {error}") from None


def moment_s(option: str, text: str | None) -> int:
    """Give the UTC seconds of a moment; None: the flag is missing.

    Raises:
        WrongConfiguration: it is none.
    """
    try:
        return int(parse_instant(text))
    except ValueError as error:
        problem = Problem("flags", None, option, "is missing" if text is None else f"is {text}", str(error))
        raise WrongConfiguration("The span is not said:", [problem]) from error


def quoted(text: str) -> str:
    """Show what was given, short and on one line."""
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
