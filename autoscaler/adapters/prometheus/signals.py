"""From series to columns: what one gateway's answers say of each function, and all gateways together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from autoscaler.adapters.prometheus.answers import Series
from autoscaler.adapters.prometheus.errors import AnswerError
from autoscaler.core.fleet import Bools, Floats
from autoscaler.policy.profiles import SIGNAL_LABEL, Profile

_NO_ROW = -1


class Column(IntEnum):
    """The columns that a reading hands back, `(columns, rows) float64`.

    RPS, CONCURRENCY, IN_FLIGHT: as in `Load`; nan: unknown.
    COVERED: 1 where the range is wholly covered.
    QUIET: 1 where nothing moved and nothing is known to be in flight: idle, if for longer than NEEDS_S.
    NEEDS_S: seconds of quiet that prove zero; 0 where an in-flight signal tells it of the range itself.
    """

    RPS = 0
    CONCURRENCY = 1
    IN_FLIGHT = 2
    COVERED = 3
    QUIET = 4
    NEEDS_S = 5


VALUES = [Column.RPS, Column.CONCURRENCY, Column.IN_FLIGHT]
_SIGNALS = tuple(zip(VALUES, ("rate", "concurrency", "in_flight"), strict=True))
_NOISE = 1e-9  # a difference of sums may be this far below 0 and still mean 0


class Sums(NamedTuple):
    """One signal: `values (rows,) float64`, nan without a series; `present (rows,) bool`."""

    values: Floats
    present: Bools


class Rows:
    """Finds the row of a series; what was found is kept, since the same names come every tick.

    Args:
        row_of: `namespace/name` → row.
        profile: how the gateway's series name functions.
        serves: `(rows,) bool`, functions whose tenants the gateway serves.
    """

    def __init__(self, row_of: Mapping[str, int], profile: Profile, serves: Bools) -> None:
        self._row_of = row_of
        self._profile = profile
        self.serves = serves
        self._found: dict[tuple[str | None, str | None], int] = {}

    def __len__(self) -> int:
        return len(self.serves)

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
        known = rows != _NO_ROW
        rows, values = rows[known], values[known]
        present = np.zeros(count, dtype=np.bool_)
        present[rows] = True
        with np.errstate(invalid="ignore"):
            summed: Floats = np.bincount(rows, weights=values, minlength=count).astype(np.float64, copy=False)
        summed[~present | ~np.isfinite(summed)] = np.nan
        return Sums(summed, present)

    def _rows(self, series: Sequence[Series]) -> NDArray[np.int64]:
        namespace, name = self._profile.namespace_label, self._profile.name_label
        found, locate = self._found, self._locate
        if len(found) > 4 * len(self) + 10_000:
            found.clear()
        rows = np.empty(len(series), dtype=np.int64)
        for position, one in enumerate(series):
            labels = one["metric"]
            key = (labels.get(name), labels.get(namespace) if namespace else None)
            row = found.get(key)
            rows[position] = locate(key, labels) if row is None else row
        return rows

    def _locate(self, key: tuple[str | None, str | None], labels: Mapping[str, str]) -> int:
        function = self._profile.locate(labels)
        row = _NO_ROW if function is None else self._row_of.get(f"{function.namespace}/{function.name}", _NO_ROW)
        self._found[key] = row
        return row


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a gateway's targets were over the range.

    Attributes:
        is_seen: a target was scraped at all.
        is_whole: every scrape of every target found it up, and no counter started anew.
    """

    is_seen: bool
    is_whole: bool


class Proof(NamedTuple):
    """The kinds of series in the answer of query `proof`."""

    moved: Sums
    alive: Sums
    coverage: Coverage


def split_proof(rows: Rows, series: Sequence[Series], full_scrapes: int) -> Proof:
    """Take the answer of query `proof` apart.

    Raises:
        AnswerError: an element is no sample of an instant vector.
    """
    kinds: dict[str, list[Series]] = {}
    try:
        for one in series:
            kinds.setdefault(one["metric"].get(SIGNAL_LABEL, ""), []).append(one)
    except (KeyError, TypeError, AttributeError):
        raise AnswerError("an element of the answer is no sample") from None
    up = _single(kinds.get("up", ()))
    scrapes = _single(kinds.get("scrapes", ()))
    resets = _single(kinds.get("resets", ()))
    is_whole = up == 1 and scrapes is not None and scrapes >= full_scrapes and resets in (None, 0)
    return Proof(
        moved=rows.sums(kinds.get("moved", ())),
        alive=rows.sums(kinds.get("alive", ())),
        coverage=Coverage(is_seen=up is not None, is_whole=is_whole),
    )


def gateway_columns(rows: Rows, profile: Profile, signals: Mapping[str, Sums], proof: Proof) -> Floats:
    """Say what one gateway knows of each row: `(columns, rows) float64`; `together` leaves out whom it does not serve.

    A function without any series of its own carries no load where `alive` names it, and is unknown elsewhere.
    A counter born within the range reads as rate 0, or none yet, though it says that calls came: then the rate
    is a lower bound.
    """
    absent = Sums(np.full(len(rows), np.nan), np.zeros(len(rows), dtype=np.bool_))
    own = proof.moved.present.copy()
    for signal in signals.values():
        own |= signal.present
    is_silent = ~own & proof.alive.present
    columns = np.full((len(Column), len(rows)), np.nan)
    for column, name in _SIGNALS:
        columns[column] = _sound(signals.get(name, absent).values)
        if name in signals:
            columns[column, is_silent] = 0.0
    did_move = proof.moved.present & (proof.moved.values != 0)  # NaN too: a counter that cannot be read is no calm
    if "rate" in signals:
        columns[Column.RPS, did_move & ~signals["rate"].present] = 0.0
    understates = did_move & (columns[Column.RPS] == 0.0)
    columns[Column.COVERED] = proof.coverage.is_whole & ~understates
    columns[Column.QUIET] = proof.coverage.is_whole & _is_quiet(profile, columns, signals, proof, is_silent)
    columns[Column.NEEDS_S] = 0.0 if profile.has_in_flight else profile.request_timeout_s
    return columns


def _sound(values: Floats) -> Floats:
    """Give the values, nan for negative ones: more calls ended than began, so the counters tell nothing."""
    with np.errstate(invalid="ignore"):
        return np.where(values < -_NOISE, np.nan, np.maximum(values, 0.0))


class Contribution(NamedTuple):
    """One gateway's part: its `gateway_columns`, None where reading it failed, and `(rows,) bool` whom it serves."""

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
        result[Column.NEEDS_S, serves] = np.maximum(result[Column.NEEDS_S], columns[Column.NEEDS_S])[serves]
    is_partly_known = ((knowing > 0) & (knowing < serving)).any(axis=0)
    result[VALUES] = np.where((knowing > 0) & ~is_failed, totals, np.nan)
    nobody_knows = is_failed | ~(knowing > 0).any(axis=0)
    result[Column.COVERED, is_partly_known | nobody_knows] = 0.0
    result[Column.QUIET, result[Column.COVERED] == 0.0] = 0.0
    return result


def _is_quiet(profile: Profile, columns: Floats, signals: Mapping[str, Sums], proof: Proof, is_silent: Bools) -> Bools:
    """Tell where the answers say that nothing was called and, as far as the profile can tell, nothing runs."""
    if not profile.has_activity:
        return np.zeros(len(is_silent), dtype=np.bool_)
    known_still = proof.moved.present & (proof.moved.values == 0)
    quiet: Bools = known_still | (is_silent if profile.has_alive else False)
    for column, name in _SIGNALS:
        if name in signals:
            quiet = quiet & (columns[column] == 0.0)
    return quiet


def _single(series: Sequence[Series]) -> float | None:
    """Give the one value of a kind that has one; None where there is none, or it is not a number."""
    try:
        value = float(series[0]["value"][1]) if len(series) == 1 else None
    except (KeyError, IndexError, TypeError, ValueError):
        raise AnswerError("an element of the answer is no sample") from None
    return value if value is not None and np.isfinite(value) else None
