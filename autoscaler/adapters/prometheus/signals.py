"""From series to columns: what one gateway's answers say of each function, and all gateways together."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from autoscaler.adapters.prometheus.answers import Series
from autoscaler.adapters.prometheus.errors import AnswerError
from autoscaler.core.columns import Bools, Floats
from autoscaler.policy.evidence import Answered, Coverage, Evidence, PodCoverage, Sums
from autoscaler.policy.finding import NOBODY, Finder
from autoscaler.policy.profiles import SIGNAL_LABEL, STORING, Profile, SignalName


class Column(IntEnum):
    """The columns that a reading hands back, `(columns, rows) float64`.

    RPS, CONCURRENCY, IN_FLIGHT: as in `Load`; nan: unknown.
    COVERED: 1 where the range is wholly covered.
    QUIET: 1 where nothing moved and nothing is known to be in flight: idle, if for longer than NEEDS_S.
    NEEDS_S: seconds of quiet that prove zero; 0 where an in-flight signal tells it of the range itself.
    PODS: pods that were scraped, where these are the targets; nan: they are not, or others tell too and there is none.
    """

    RPS = 0
    CONCURRENCY = 1
    IN_FLIGHT = 2
    COVERED = 3
    QUIET = 4
    NEEDS_S = 5
    PODS = 6


VALUES = [Column.RPS, Column.CONCURRENCY, Column.IN_FLIGHT]


class Rows:
    """Finds the row of a series; what was found is kept, since the same names come every tick.

    Args:
        row_of: `namespace/name` → row.
        profile: how the gateway's series name functions.
        serves: `(rows,) bool`, functions whose tenants the gateway serves.
    """

    def __init__(self, row_of: Mapping[str, int], profile: Profile, serves: Bools) -> None:
        self._row_of = row_of
        self._finder = Finder(profile, row_of, serves)
        self._profile = profile
        self.serves = serves
        self._found: dict[tuple[str | None, str | None], int] = {}
        self._several: set[int] = set()

    def __len__(self) -> int:
        return len(self.serves)

    @property
    def is_per_pod(self) -> bool:
        """Whether the functions' own pods are the targets."""
        return self._profile.is_per_pod

    def sums(self, series: Sequence[Series]) -> Sums:
        """Add up the values of each row's series.

        Raises:
            AnswerError: an element is no sample of an instant vector.
        """
        count = len(self)
        try:
            values = np.array([float(one["value"][1]) for one in series], dtype=np.float64)
            rows = self._rows(series)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError):
            raise AnswerError("an element of the answer is no sample") from None
        unclear = self._unclear(rows)
        known = rows >= 0
        rows, values = rows[known], values[known]
        present = np.zeros(count, dtype=np.bool_)
        present[rows] = True
        with np.errstate(invalid="ignore"):
            summed: Floats = np.bincount(rows, weights=values, minlength=count).astype(np.float64, copy=False)
        summed[~present | ~np.isfinite(summed)] = np.nan
        return Sums(summed, present, unclear)

    def take_unclear(self) -> Sequence[str]:
        """Give the functions, `namespace/name`, some of whose series may be another's, since this was asked last."""
        if not self._several:
            return ()
        rows = {row for place in self._several for row in self._finder.meant(place)}
        self._several.clear()
        return [name for name, row in self._row_of.items() if row in rows]

    def _unclear(self, places: NDArray[np.int64]) -> Bools | None:
        """Tell of which rows a series may be that may be another's as well; None: there is no such series."""
        several = set(np.unique(places[places < NOBODY]).tolist())
        if not several:
            return None
        self._several |= several
        unclear = np.zeros(len(self), dtype=np.bool_)
        for place in several:
            unclear[list(self._finder.meant(place))] = True
        return unclear

    def _rows(self, series: Sequence[Series]) -> NDArray[np.int64]:
        names, namespaces = self._profile.name_labels, self._profile.namespace_labels or ("",)
        found, locate = self._found, self._locate
        if len(found) > 4 * len(self) + 10_000:
            found.clear()
        name, other_name, space, other_space = names[0], names[-1], namespaces[0], namespaces[-1]
        has_others = name != other_name or space != other_space
        rows = np.empty(len(series), dtype=np.int64)
        for position, one in enumerate(series):
            labels = one["metric"]
            key = (labels.get(name), labels.get(space))
            if has_others:
                key = (key[0] or labels.get(other_name), key[1] or labels.get(other_space))
            row = found.get(key)
            rows[position] = locate(key, labels) if row is None else row
        return rows

    def _locate(self, key: tuple[str | None, str | None], labels: Mapping[str, str]) -> int:
        place = self._finder.place(labels)
        name, namespace = key
        self._found[_apart(name), _apart(namespace)] = place
        return place


def _apart(text: str | None) -> str | None:
    """Give a copy: texts of a large answer that are kept keep the memory around them, 60 MiB of 100,000 functions."""
    return None if text is None else text.encode().decode()


def answered_by(rows: Rows, answers: Mapping[SignalName, Sequence[Series]]) -> Answered:
    """Give the answers of one gateway by function.

    Raises:
        AnswerError: an element is no sample of an instant vector.
    """
    kinds: dict[str, list[Series]] = {}
    try:
        for one in answers["proof"]:
            kinds.setdefault(one["metric"].get(SIGNAL_LABEL, ""), []).append(one)
    except (KeyError, TypeError, AttributeError):
        raise AnswerError("an element of the answer is no sample") from None
    moved, born, alive = (rows.sums(kinds.get(kind, ())) for kind in ("moved", "born", "alive"))
    return Answered(
        signals={name: rows.sums(series) for name, series in answers.items() if name != "proof"},
        moved=moved,
        born=born,
        alive=alive,
        coverage=_coverage(rows, kinds),
        went_back=rows.sums(kinds["went_back"]) if "went_back" in kinds else None,
    )


def _coverage(rows: Rows, kinds: Mapping[str, Sequence[Series]]) -> Coverage | PodCoverage:
    if rows.is_per_pod:
        return PodCoverage(**{one.name: rows.sums(kinds.get(one.name, ())) for one in fields(PodCoverage)})
    told = {one.name: _single(kinds.get(one.name, ())) for one in fields(Coverage)}
    if told["resets"] is None and "went_back" in kinds:
        told["resets"] = float(len(kinds["went_back"]))
    return Coverage(**told)


def storing_s(answers: Mapping[SignalName, Sequence[Series]]) -> float | None:
    """Give the seconds that a gateway's slowest scrape of late took; None: the answers do not say.

    Raises:
        AnswerError: an element is no sample of an instant vector.
    """
    return _single([one for one in answers["proof"] if one["metric"].get(SIGNAL_LABEL) == STORING])


def columns_of(evidence: Evidence) -> Floats:
    """Write what one gateway proves as `(columns, rows) float64`; `together` leaves out whom it does not serve."""
    columns = np.empty((len(Column), len(evidence.rps)))
    columns[Column.RPS] = evidence.rps
    columns[Column.CONCURRENCY] = evidence.concurrency
    columns[Column.IN_FLIGHT] = evidence.in_flight
    columns[Column.COVERED] = evidence.is_covered
    columns[Column.QUIET] = evidence.is_quiet
    columns[Column.NEEDS_S] = evidence.needs_s
    columns[Column.PODS] = evidence.pods
    return columns


class Contribution(NamedTuple):
    """One gateway's part: its `columns_of`, None where reading it failed, and `(rows,) bool` whom it serves."""

    columns: Floats | None
    serves: Bools


def together(gateways: Sequence[Contribution], rows: int) -> Floats:
    """Sum what several gateways carry of each function: `(columns, rows) float64`.

    A value is unknown where no gateway knows it, or where one that serves the function failed. Where one knows
    it and another has never heard of the function, what is known is a lower bound.
    """
    totals = np.zeros((len(VALUES), rows))
    knowing = np.zeros((len(VALUES), rows))
    serving = np.zeros(rows)
    is_failed = np.zeros(rows, dtype=np.bool_)
    result = np.zeros((len(Column), rows))
    result[[Column.COVERED, Column.QUIET]] = 1.0
    pods, telling = np.zeros(rows), np.zeros(rows)
    for columns, serves in gateways:
        serving += serves
        if columns is None:
            is_failed |= serves
            continue
        is_known = ~np.isnan(columns[VALUES]) & serves
        totals += np.where(is_known, columns[VALUES], 0.0)
        knowing += is_known
        for flag in (Column.COVERED, Column.QUIET):
            result[flag, serves] *= columns[flag, serves]
        tells = ~np.isnan(columns[Column.PODS]) & serves
        pods[tells] += columns[Column.PODS, tells]
        telling += tells
        result[Column.NEEDS_S, serves] = np.maximum(result[Column.NEEDS_S], columns[Column.NEEDS_S])[serves]
    is_partly_known = ((knowing > 0) & (knowing < serving)).any(axis=0)
    result[VALUES] = np.where((knowing > 0) & ~is_failed, totals, np.nan)
    nobody_knows = is_failed | ~(knowing > 0).any(axis=0)
    result[Column.COVERED, is_partly_known | nobody_knows] = 0.0
    result[Column.QUIET, result[Column.COVERED] == 0.0] = 0.0
    # That there is no pod says that nothing can be in flight only where no gateway tells of calls that wait for one.
    is_counted = ~is_failed & (telling > 0) & ((pods > 0) | (telling == serving))
    result[Column.PODS] = np.where(is_counted, pods, np.nan)
    return result


def _single(series: Sequence[Series]) -> float | None:
    """Give the one value of a kind that has one; None where there is none, or it is not a number."""
    try:
        value = float(series[0]["value"][1]) if len(series) == 1 else None
    except (KeyError, IndexError, TypeError, ValueError):
        raise AnswerError("an element of the answer is no sample") from None
    return value if value is not None and np.isfinite(value) else None
