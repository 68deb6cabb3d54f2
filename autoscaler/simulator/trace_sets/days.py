"""Days that were recorded one by one, put after one another: the same functions, matched by who they are in the source."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from autoscaler.core.columns import Floats
from autoscaler.policy.problems import Problem
from autoscaler.simulator.laws import Quantiles
from autoscaler.simulator.trace_sets.errors import TraceError
from autoscaler.simulator.trace_sets.tenancy import placed
from autoscaler.simulator.trace_sets.trace_set import Cells, Counts, Identity, TraceFunction, TraceSet

_DAY = re.compile(r"\.d([0-9]{1,4})\.")


@dataclass(frozen=True, slots=True)
class Day:
    """A file of one day.

    Attributes:
        file: its name; a part `.dNN.` of it says which day it is.
        trace_set: what it holds.
    """

    file: str
    trace_set: TraceSet


def in_order(files: Sequence[str]) -> tuple[str, ...]:
    """Give files of days in the order of the days: those that their names say, else as they are given.

    Raises:
        TraceError: a day is there twice or is missing between others, or only some of the names say one.
    """
    if twice := [file for file, number in Counter(files).items() if number > 1]:
        raise TraceError([Problem(twice[0], None, "", "is there twice", "each day once")])
    days = {file: int(match[1]) for file in files if (match := _DAY.search(file.rpartition("/")[2]))}
    if not days:
        return tuple(files)
    if unknown := [file for file in files if file not in days]:
        wrong = "does not say which day it is, as the others do"
        raise TraceError([Problem(unknown[0], None, "", wrong, "`.dNN.` in every name, or in none")])
    ordered = tuple(sorted(files, key=lambda file: days[file]))
    problems = []
    for one, other in pairwise(ordered):
        if days[one] == days[other]:
            problems.append(Problem(other, None, "", f"is day {days[one]}, as {one} is", "each day once"))
        elif days[other] > days[one] + 1:
            lost = f"day {days[one] + 1}" + (f" to {days[other] - 1}" if days[other] > days[one] + 2 else "")
            problems.append(Problem(other, None, "", f"comes after {one}: {lost} is missing", "days without a gap"))
    if problems:
        raise TraceError(problems)
    return ordered


def one_after_another(days: Sequence[Day]) -> TraceSet:
    """Give the days as one trace.

    A function that is not there on a day has no requests on it. Its service times are those of its days, each weighted by
    its requests, so that requests × seconds stay what they were; so is memory, by the requests of its application.

    Args:
        days: one or more, in their order; counts of equal steps, with identities.

    Raises:
        TraceError: they have other steps than the first, or no counts.
    """
    if len(days) == 1:
        return days[0].trace_set
    loads = _loads(days)
    places: dict[Identity, int] = {}
    rows = [np.array([places.setdefault(one.identity, len(places)) for one in day.trace_set]) for day in days]
    matrix = _matrix(loads, rows, len(places))
    seen = np.zeros((len(places), len(days)), np.bool_)
    requests = np.zeros((len(places), len(days)))
    for number, (load, mine) in enumerate(zip(loads, rows, strict=True)):
        seen[mine, number] = True
        requests[mine, number] = load.totals()
    functions = _functions(days, rows, list(places), requests)
    load = Counts(loads[0].step_s, matrix, loads[0].of)
    notes = (
        *dict.fromkeys(note for day in days for note in day.trace_set.notes if " functions are without " not in note),
        f"{len(days)} days one after another; {int((~seen.all(axis=1)).sum())} of {len(places)} functions are not in all of "
        "them, and have no requests on the others.",
        "Service times and memory are of all days together, each day weighted by its requests.",
        f"{sum(one.service_s is None for one in functions)} of {len(functions)} functions are without service times, "
        f"{sum(one.memory_gb is None for one in functions)} without memory.",
    )
    first = days[0].trace_set
    return TraceSet(placed(functions, "byOwner"), load, load.length_s, first.source, notes, first.begins_utc_s)


def _loads(days: Sequence[Day]) -> list[Counts]:
    found, problems = list[Counts](), list[Problem]()
    for day in days:
        load = day.trace_set.load
        if not isinstance(load, Counts):
            problems.append(Problem(day.file, None, "", "holds no counts", "days of counts"))
            continue
        found.append(load)
        if (load.step_s, load.steps) != (found[0].step_s, found[0].steps):
            wrong = f"has {load.steps} steps of {load.step_s:g} s"
            allowed = f"{found[0].steps} of {found[0].step_s:g} s, as {days[0].file} has"
            problems.append(Problem(day.file, None, "", wrong, allowed))
    if problems:
        raise TraceError(problems)
    return found


def _matrix(loads: Sequence[Counts], rows: Sequence[np.ndarray], functions: int) -> Cells:
    steps = loads[0].steps
    matrix: Cells = np.zeros((functions, steps * len(loads)), np.result_type(*(load.matrix.dtype for load in loads)))
    for number, (load, mine) in enumerate(zip(loads, rows, strict=True)):
        matrix[mine, number * steps : (number + 1) * steps] = load.matrix
    return matrix


def _functions(
    days: Sequence[Day], rows: Sequence[np.ndarray], identities: Sequence[Identity], requests: Floats
) -> list[TraceFunction]:
    """Give the functions of all days, their facts weighted by the requests of the days."""
    mine: list[list[tuple[int, TraceFunction]]] = [[] for _ in identities]
    for number, (day, of_day) in enumerate(zip(days, rows, strict=True)):
        for place, one in zip(of_day.tolist(), day.trace_set, strict=True):
            mine[place].append((number, one))
    of_app: dict[tuple[str | None, str | None], Floats] = defaultdict(lambda: np.zeros(len(days)))
    for identity, counted in zip(identities, requests, strict=True):
        of_app[identity.owner, identity.app] += counted
    found = []
    for place, identity in enumerate(identities):
        by_day, app = mine[place], of_app[identity.owner, identity.app]
        laws = [(requests[place, day], one.service) for day, one in by_day if one.service is not None]
        means = [(requests[place, day], one.service_s) for day, one in by_day if one.service_s is not None]
        sizes = [(app[day], one.memory_gb) for day, one in by_day if one.memory_gb is not None]
        service_s = _mean(means)
        law = mixture(laws, service_s) if laws and service_s is not None else None
        found.append(replace(by_day[0][1], service_s=service_s, service=law, memory_gb=_mean(sizes)))
    return found


def _shares(weights: Sequence[float]) -> Floats:
    """Give weights that sum to 1; where all are 0, equal ones."""
    result = np.array(weights, np.float64)
    total = float(result.sum())
    return result / total if total > 0 else np.full(len(result), 1.0 / len(result))


def _mean(weighted: Sequence[tuple[float, float]]) -> float | None:
    if not weighted:
        return None
    shares = _shares([weight for weight, _ in weighted])
    return float(np.dot(shares, [value for _, value in weighted]))


def mixture(laws: Sequence[tuple[float, Quantiles]], mean_s: float) -> Quantiles:
    """Give the law of durations that follow each of several laws in so many cases, at the fractions of the first.

    Args:
        laws: weights and laws, one or more.
        mean_s: of the result; between its fractions a law is drawn straight, so that its own mean would be another.
    """
    fractions = laws[0][1].fractions
    values_s = np.unique(np.concatenate([law.values_s for _, law in laws]))
    shares = _shares([weight for weight, _ in laws])
    below, upto = np.zeros(len(values_s)), np.zeros(len(values_s))
    for share, (_, law) in zip(shares, laws, strict=True):
        first, last = (np.searchsorted(law.values_s, values_s, side) for side in ("left", "right"))
        between = np.interp(values_s, law.values_s, law.fractions)
        is_point = first < last
        below += share * np.where(is_point, law.fractions[np.minimum(first, len(law.fractions) - 1)], between)
        upto += share * np.where(is_point, law.fractions[np.maximum(last - 1, 0)], between)
    reached = np.stack([below, upto], axis=1).ravel()
    mixed_s = np.interp(fractions, reached, np.repeat(values_s, 2))
    mixed_s[0], mixed_s[-1] = values_s[0], values_s[-1]
    law = Quantiles(fractions, np.maximum.accumulate(mixed_s))
    return Quantiles(fractions, law.values_s * (mean_s / law.mean_s))
