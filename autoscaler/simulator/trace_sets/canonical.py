"""A trace set as a plain table with what else is known of it: what `autoscaler trace convert` writes and reads back.

The table alone, without what is said beside it, is a plain table too.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from autoscaler.core.columns import Floats, Ints
from autoscaler.simulator.laws import Quantiles
from autoscaler.simulator.trace_sets.collecting import Store
from autoscaler.simulator.trace_sets.errors import Findings, TraceError
from autoscaler.simulator.trace_sets.tables import LATEST_S, Batch
from autoscaler.simulator.trace_sets.trace_set import Counts, Events, Identity, TraceFunction, TraceSet

VERSION = 1
PIECE_ROWS = 262_144
"""Rows written at once."""


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Some rows of the table.

    Attributes:
        functions: `(rows,) int64`, row of each in the set's functions.
        times_s: `(rows,) float64`, seconds from the beginning.
        values: `(rows,) float64`: durations, or counts; None: requests without durations.
    """

    functions: Ints
    times_s: Floats
    values: Floats | None


def pieces(trace_set: TraceSet) -> Iterator[Piece]:
    """Give the rows of a set, function after function; of counts those that are not 0."""
    match trace_set.load:
        case Events() as load:
            yield from _of_events(load)
        case Counts() as load:
            yield from _of_counts(load)
        case None:
            pass


def _of_events(load: Events) -> Iterator[Piece]:
    for first in range(0, len(load.times_s), PIECE_ROWS):
        last = min(first + PIECE_ROWS, len(load.times_s))
        functions = np.searchsorted(load.offsets, np.arange(first, last), side="right") - 1
        durations_s = None if load.durations_s is None else np.array(load.durations_s[first:last])
        yield Piece(functions.astype(np.int64), np.array(load.times_s[first:last]), durations_s)


def _of_counts(load: Counts) -> Iterator[Piece]:
    each = max(1, PIECE_ROWS // max(load.steps, 1))
    for first in range(0, load.matrix.shape[0], each):
        part = load.matrix[first : first + each]
        rows, steps = np.nonzero(part)
        yield Piece(
            (rows + first).astype(np.int64),
            (steps * load.step_s).astype(np.float64),
            part[rows, steps].astype(np.float64),
        )


def description(trace_set: TraceSet) -> bytes:
    """Write everything but the rows, as JSON."""
    load = trace_set.load
    kind = {Events: "requests", Counts: "counts"}.get(type(load), "none")
    document = {
        "version": VERSION,
        "kind": kind,
        "step_s": load.step_s if isinstance(load, Counts) else None,
        "steps": load.steps if isinstance(load, Counts) else None,
        "of": load.of if isinstance(load, Counts) else None,
        "length_s": trace_set.length_s,
        "source": trace_set.source,
        "notes": trace_set.notes,
        "begins_utc_s": trace_set.begins_utc_s,
        "functions": [_written(one) for one in trace_set],
    }
    return orjson.dumps(document)


def _written(one: TraceFunction) -> list[Any]:
    law = None if one.service is None else [one.service.fractions.tolist(), one.service.values_s.tolist()]
    who = [one.identity.owner, one.identity.app, one.identity.function]
    rest = [one.memory_gb, one.cpu, one.concurrency_limit, one.min_replicas]
    return [one.tenant, one.namespace, one.name, who, one.service_s, law, *rest]


def _read(row: Sequence[Any]) -> TraceFunction:
    tenant, namespace, name, who, service_s, law, *rest = row
    service = None if law is None else Quantiles(np.array(law[0]), np.array(law[1]))
    return TraceFunction(tenant, namespace, name, Identity(*who), service_s, service, *rest)


def read_canonical(text: bytes, batches: Iterator[Batch], findings: Findings, store: Store) -> TraceSet:
    """Read a set back.

    Args:
        text: what `description` wrote.
        batches: rows with columns `namespace`, `function`, `time`, and `duration` or `requests` where there are such.

    Raises:
        TraceError: it is no such set.
    """
    try:
        document = orjson.loads(text)
        if document["version"] != VERSION:
            raise ValueError
        functions = tuple(_read(row) for row in document["functions"])
        load = _load(document, functions, batches, findings, store)
        rest = (document["length_s"], document["source"], tuple(document["notes"]), document["begins_utc_s"])
        return TraceSet(functions, load, *rest)
    except (KeyError, TypeError, ValueError) as error:
        findings.add(None, "metadata", "is none that `autoscaler trace convert` wrote", f"version {VERSION} of it")
        raise TraceError(findings.problems) from error


def _load(
    document: Mapping[str, Any],
    functions: Sequence[TraceFunction],
    batches: Iterator[Batch],
    findings: Findings,
    store: Store,
) -> Counts | Events | None:
    places = {(one.namespace, one.name): place for place, one in enumerate(functions)}
    if document["kind"] == "none":
        return None
    if document["kind"] == "requests":
        for batch in batches:
            durations_s = _column(batch, "duration", 1e7)
            store.append(_codes(batch, places), batch.numbers("time", 0.0, LATEST_S, "seconds"), durations_s)
        findings.check()
        return store.grouped(len(functions), 0.0)
    step_s = float(document["step_s"])
    matrix = np.zeros((len(functions), int(document["steps"])))
    for batch in batches:
        steps = np.rint(batch.numbers("time", 0.0, LATEST_S, "seconds") / step_s).astype(np.int64)
        counts = batch.numbers("requests", 0.0, 1e12, "a number of requests", empty=np.nan)
        findings.check()
        matrix[_codes(batch, places), steps] = counts
    is_whole = bool(np.all(matrix == np.rint(matrix))) and matrix.max(initial=0) < 2**31
    return Counts(step_s, matrix.astype(np.int32) if is_whole else matrix, document["of"])


def _column(batch: Batch, name: str, most: float) -> Floats | None:
    return batch.numbers(name, 0.0, most, f"0 to {most:g}") if name in batch.columns else None


def _codes(batch: Batch, places: Mapping[tuple[str, str], int]) -> Ints:
    """Give the function of each row."""
    namespaces, names = batch.words("namespace"), batch.words("function")
    mixed = namespaces.codes.astype(np.int64) * (len(names.values) + 1) + names.codes
    seen, first, inverse = np.unique(mixed, return_index=True, return_inverse=True)
    del seen
    found = [places[namespaces.values[namespaces.codes[row]], names.values[names.codes[row]]] for row in first]
    return np.array(found, np.int64)[inverse]
