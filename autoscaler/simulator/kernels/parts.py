"""What the kernels have in common, however requests find their replica.

Of events at the same instant a request ends before a replica that drains is gone, that before a replica gets ready, that
before a hold ends, that before a caller loses patience, and that before a request arrives: ties are the same in every run.
"""

from math import frexp

import numpy as np

from autoscaler.core.columns import Floats
from autoscaler.simulator.compiled import apart, inlined
from autoscaler.simulator.kernels.state import Ask, Column

DONE, OTHER, WINDOW, BUSY, QUEUE, WAITS, HOLD, REACHED, EXPIRED = (int(ask) for ask in Ask)
NEXT, ARRIVAL, READY, WAITING, REQUESTED = (int(column) for column in Column)

ENDS, ARRIVES, LOSES_PATIENCE = -1, -2, -3
"""What a request does next; beside them one of `Ask`."""

BINS_AN_OCTAVE = 64
"""Bins between a wait and twice it: the middle of one is off by at most 1/128 of what is in it."""

LOWEST, OCTAVES = -20, 41
"""Bins begin at 2**-20 s, a microsecond, and end at 2**21 s, which is three weeks."""

BINS = OCTAVES * BINS_AN_OCTAVE


@inlined
def arrival_s(one: np.void, pool: Floats) -> float:
    """Give when the next request arrives, or up to when none does that was drawn."""
    if one["arrivals_next"] < one["arrivals_end"]:
        return float(pool[one["arrivals_next"]])
    return float(one["drawn_s"])


@inlined
def next_event(one: np.void, arrives_s: float, end_s: float, until_s: float) -> int:
    """Give what happens next up to a time: ENDS, ARRIVES or LOSES_PATIENCE; OTHER, WINDOW; DONE: nothing does.

    Args:
        arrives_s: from `arrival_s`.
        end_s: when the next service ends; inf: none goes on.
    """
    other_s, patience_s = one["other_s"], one["patience_s"]
    if end_s <= arrives_s and end_s <= until_s and end_s <= other_s and end_s <= patience_s:
        return ENDS
    if other_s <= arrives_s and other_s <= until_s and other_s <= patience_s:
        return OTHER
    if patience_s <= arrives_s and patience_s <= until_s:
        return LOSES_PATIENCE
    if arrives_s > until_s:
        return DONE
    return WINDOW if one["arrivals_next"] >= one["arrivals_end"] else ARRIVES


@inlined
def tell(one: np.void, row: int, end_s: float, pool: Floats, columns: Floats) -> None:
    """Bring the columns of a function up to date.

    Args:
        end_s: as in `next_event`.
    """
    arrives_s = arrival_s(one, pool)
    columns[ARRIVAL, row] = arrives_s
    columns[NEXT, row] = min(arrives_s, end_s, one["other_s"], one["patience_s"])
    columns[READY, row] = one["ready"]
    columns[WAITING, row] = one["queue"] + one["held"] if one["ready"] == 0 else 0


@inlined
def wait_or_refuse(one: np.void, at_s: float, service_s: float, pool: Floats) -> None:
    """Let a request that came wait at the gateway, where there is room for it, or refuse it."""
    if one["ready"] == 0:
        one["cold"] += 1
    if one["queue"] >= one["queue_most"]:
        one["refused"] += 1
        one["finished"] += 1
        return
    one["in_flight"] += 1
    pair = one["queue_at"] + 2 * ((one["queue_first"] + one["queue"]) & (one["queue_room"] - 1))
    pool[pair], pool[pair + 1] = at_s, service_s
    if one["queue"] == 0:
        one["patience_s"] = at_s + one["hold_s"]
    one["queue"] += 1


@inlined
def leave_queue(one: np.void, pool: Floats) -> tuple[float, float]:
    """Take the first of those who wait at the gateway out; give when it came, and its service seconds."""
    mask = one["queue_room"] - 1
    pair = one["queue_at"] + 2 * (one["queue_first"] & mask)
    one["queue_first"] += 1
    one["queue"] -= 1
    has_next = one["queue"] > 0
    one["patience_s"] = pool[one["queue_at"] + 2 * (one["queue_first"] & mask)] + one["hold_s"] if has_next else np.inf
    return pool[pair], pool[pair + 1]


@apart
def note_wait(one: np.void, wait_s: float, pool: Floats) -> None:
    """Note a wait; there is room for it."""
    one["waited_s"] += wait_s
    one["longest_s"] = max(one["longest_s"], wait_s)
    if wait_s > one["slo_s"]:
        one["misses"] += 1
    if one["waits_binned"] == 1:
        fraction, octave = frexp(wait_s)  # a fraction of 0.5 to 1, or 0
        place = (octave - 1 - LOWEST) * BINS_AN_OCTAVE + int((2 * fraction - 1) * BINS_AN_OCTAVE)
        pool[one["waits_at"] + min(max(place, 0), BINS - 1)] += 1
    else:
        pool[one["waits_at"] + one["waits"]] = wait_s
        one["waits"] += 1


@inlined
def is_ready(one: np.void, at_s: float, pool: Floats) -> bool:
    """Tell whether a replica that starts is ready now."""
    return bool(one["starting"] > 0 and pool[one["starting_at"] + 2 * one["starting_first"]] <= at_s)


@apart
def drop_newest(one: np.void, pool: Floats) -> None:
    """Take the newest of the replicas that start away."""
    begin = one["starting_at"] + 2 * one["starting_first"]
    last = one["starting"] - 1
    newest = last
    for place in range(last):
        if pool[begin + 2 * place + 1] > pool[begin + 2 * newest + 1]:
            newest = place
    for place in range(newest, last):
        pool[begin + 2 * place] = pool[begin + 2 * place + 2]
        pool[begin + 2 * place + 1] = pool[begin + 2 * place + 3]
    one["starting"] = last


@apart
def find_other(one: np.void, pool: Floats) -> None:
    """Note when the next event is due that has to do with replicas or holds."""
    other_s = one["held_end_s"]
    if one["draining"] > 0:
        other_s = min(other_s, pool[one["draining_at"]])
    if one["starting"] > 0:
        other_s = min(other_s, pool[one["starting_at"] + 2 * one["starting_first"]])
    if one["cuts"] > 0:
        other_s = min(other_s, pool[one["cuts_at"] + 2 * one["cuts_first"]])
    one["other_s"] = other_s


@apart
def account_replicas(one: np.void, draining: int, at_s: float) -> None:
    """Add up what replicas take to a time, before anything about them changes.

    Args:
        draining: replicas that are no longer wanted and still serve.
    """
    passed_s = at_s - one["replicas_at_s"]
    starting = one["starting"] + one["missing"] * one["crashing"]
    one["starting_s"] += passed_s * starting
    one["ready_s"] += passed_s * one["ready"]
    one["draining_s"] += passed_s * draining
    one["allocated_s"] += passed_s * (starting + one["ready"] + draining)
    if one["requested"] == 0:
        one["zero_s"] += passed_s
    one["replicas_at_s"] = at_s


@inlined
def account_requests(one: np.void, serving: int, in_lines: int, at_s: float) -> None:
    """Add up what requests take to a time, before anything about them changes.

    Args:
        serving: ready replicas that serve anything.
        in_lines: requests that wait at replicas.
    """
    passed_s = at_s - one["at_s"]
    one["in_flight_s"] += passed_s * one["in_flight"]
    one["busy_s"] += passed_s * serving
    one["idle_s"] += passed_s * (one["ready"] - serving)
    one["queued_s"] += passed_s * (one["queue"] + one["held"] + in_lines)
    one["at_s"] = at_s
