"""One function's requests in time: whichever place is free first takes the next of one queue.

Of events at the same instant a request ends before a replica that drains is gone, that before a replica gets ready, that
before a hold ends, that before a caller loses patience, and that before a request arrives: ties are the same in every run.
A kernel stops before an event for which it lacks room or a say, so that whoever serves it may simply call again.
"""

from math import frexp

import numpy as np

from autoscaler.core.columns import Floats, Ints
from autoscaler.simulator.compiled import apart, compiled, inlined
from autoscaler.simulator.kernels.state import Ask, Column, Functions

DONE, OTHER, WINDOW, BUSY, QUEUE, WAITS, HOLD, REACHED, EXPIRED = (int(ask) for ask in Ask)
NEXT, ARRIVAL, READY, WAITING, REQUESTED = (int(column) for column in Column)

BINS_AN_OCTAVE = 64
"""Bins between a wait and twice it: the middle of one is off by at most 1/128 of what is in it."""

LOWEST, OCTAVES = -20, 41
"""Bins begin at 2**-20 s, a microsecond, and end at 2**21 s, which is three weeks."""

BINS = OCTAVES * BINS_AN_OCTAVE


@compiled
def advance(
    rows: Ints, until_s: float, functions: Functions, pool: Floats, columns: Floats, asking: Ints, asks: Ints
) -> int:
    """Let everything up to and with a time happen to functions.

    Args:
        rows: of the functions.
        columns: `(columns, functions)`, brought up to date for `rows`.
        asking: takes the rows that stopped before that time.
        asks: takes why, `Ask`.

    Returns:
        How many stopped.
    """
    asked = 0
    for place in range(len(rows)):
        row = rows[place]
        one = functions[row]
        code = OTHER
        while code == OTHER:
            code = _requests(one, until_s, pool)
            if code == OTHER:
                code = _replicas(one, pool)
        end_s = pool[one["busy_at"]] if one["busy"] > 0 else np.inf
        arrival_s = _arrival_s(one, pool)
        columns[ARRIVAL, row] = arrival_s
        columns[NEXT, row] = min(arrival_s, end_s, one["other_s"], one["patience_s"])
        columns[READY, row] = one["ready"]
        columns[WAITING, row] = one["queue"] + one["held"] if one["ready"] == 0 else 0
        if code != DONE:
            asking[asked] = row
            asks[asked] = code
            asked += 1
    return asked


@compiled
def settle(row: int, functions: Functions, pool: Floats) -> None:
    """Note when the next event is due that has to do with replicas or holds, after one of them changed."""
    _find_other(functions[row], pool)


@compiled
def account(row: int, at_s: float, functions: Functions) -> None:
    """Add up requests and replicas to a time, before anything about them changes."""
    _account(functions[row], at_s)
    _account_replicas(functions[row], at_s)


@compiled
def note(row: int, wait_s: float, functions: Functions, pool: Floats) -> None:
    """Note a wait; there is room for it."""
    _note(functions[row], wait_s, pool)


@compiled
def shrink(row: int, surplus: int, functions: Functions, pool: Floats) -> None:
    """Take replicas away: those that start go first, newest first, then ready ones.

    Who is served beyond the places that are left must then be found a replica that drains, and the next event anew.
    """
    one = functions[row]
    while surplus > 0 and one["starting"] > 0:
        _drop_newest(one, pool)
        surplus -= 1
    one["ready"] -= surplus


@inlined
def _requests(one: np.void, until_s: float, pool: Floats) -> int:
    """Let requests arrive, be served and lose patience, up to a time or to an event of another kind."""
    code = _fill(one, pool)
    while code == DONE:
        arrival_s = _arrival_s(one, pool)
        end_s = pool[one["busy_at"]] if one["busy"] > 0 else np.inf
        other_s, patience_s = one["other_s"], one["patience_s"]
        if end_s <= arrival_s and end_s <= until_s and end_s <= other_s and end_s <= patience_s:
            code = _end(one, end_s, pool)
        elif other_s <= arrival_s and other_s <= until_s and other_s <= patience_s:
            code = OTHER
        elif patience_s <= arrival_s and patience_s <= until_s:
            code = _lose_patience(one, patience_s, pool)
        elif arrival_s > until_s:
            break
        elif one["arrivals_next"] >= one["arrivals_end"]:
            code = WINDOW
        else:
            code = _arrive(one, arrival_s, pool)
    return code


@inlined
def _arrive(one: np.void, at_s: float, pool: Floats) -> int:
    """Serve a request that comes, or let it wait, or refuse it."""
    is_free = one["busy"] < one["ready"] * one["limit"]
    if is_free and one["busy"] >= one["busy_room"]:
        return BUSY
    if not is_free and one["ready"] == 0 and one["holds"] == 1:
        return HOLD
    if not is_free and one["queue"] >= one["queue_room"] and one["queue"] < one["queue_most"]:
        return QUEUE
    _account(one, at_s)
    service_s = pool[one["arrivals_next"] + one["services_off"]]
    one["arrivals_next"] += 1
    one["started"] += 1
    if is_free:
        one["in_flight"] += 1
        one["sojourn_s"] += service_s
        _push(pool, one["busy_at"], one["busy"], at_s + service_s)
        one["busy"] += 1
        return DONE
    if one["ready"] == 0:
        one["cold"] += 1
    if one["queue"] >= one["queue_most"]:
        one["refused"] += 1
        one["finished"] += 1
        return DONE
    one["in_flight"] += 1
    pair = one["queue_at"] + 2 * ((one["queue_first"] + one["queue"]) & (one["queue_room"] - 1))
    pool[pair] = at_s
    pool[pair + 1] = service_s
    if one["queue"] == 0:
        one["patience_s"] = at_s + one["hold_s"]
    one["queue"] += 1
    return DONE


@inlined
def _end(one: np.void, at_s: float, pool: Floats) -> int:
    """End the service that is due, and serve whoever waits."""
    if one["queue"] > 0 and one["waits"] >= one["waits_room"]:
        return WAITS
    _account(one, at_s)
    one["in_flight"] -= 1
    one["served"] += 1
    one["finished"] += 1
    if one["queue"] > 0:
        _sink(pool, one["busy_at"], one["busy"], at_s + _leave_queue(one, at_s, pool))
    else:
        one["busy"] -= 1
        _sink(pool, one["busy_at"], one["busy"], pool[one["busy_at"] + one["busy"]])
    return DONE


@inlined
def _fill(one: np.void, pool: Floats) -> int:
    """Give places that replicas have made free to those who wait."""
    while one["queue"] > 0 and one["busy"] < one["ready"] * one["limit"]:
        if one["waits"] >= one["waits_room"]:
            return WAITS
        if one["busy"] >= one["busy_room"]:
            return BUSY
        _push(pool, one["busy_at"], one["busy"], one["at_s"] + _leave_queue(one, one["at_s"], pool))
        one["busy"] += 1
    return DONE


@apart
def _lose_patience(one: np.void, at_s: float, pool: Floats) -> int:
    """Refuse the first of those who wait."""
    if one["waits"] >= one["waits_room"]:
        return WAITS
    _account(one, at_s)
    service_s = _leave_queue(one, at_s, pool)
    one["sojourn_s"] -= service_s  # it is never served
    one["in_flight"] -= 1
    one["refused"] += 1
    one["finished"] += 1
    return DONE


@inlined
def _leave_queue(one: np.void, at_s: float, pool: Floats) -> float:
    """Take the first of those who wait out, and give its service time."""
    mask = one["queue_room"] - 1
    pair = one["queue_at"] + 2 * (one["queue_first"] & mask)
    wait_s, service_s = at_s - pool[pair], pool[pair + 1]
    _note(one, wait_s, pool)
    one["sojourn_s"] += wait_s + service_s
    one["queue_first"] += 1
    one["queue"] -= 1
    has_next = one["queue"] > 0
    one["patience_s"] = pool[one["queue_at"] + 2 * (one["queue_first"] & mask)] + one["hold_s"] if has_next else np.inf
    return float(service_s)


@apart
def _note(one: np.void, wait_s: float, pool: Floats) -> None:
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


@apart
def _replicas(one: np.void, pool: Floats) -> int:
    """Let the one event happen that is due and has to do with replicas or holds."""
    at_s = one["other_s"]
    code = OTHER
    if not _ends_draining(one, at_s, pool):
        _account(one, at_s)
        if one["starting"] > 0 and pool[one["starting_at"] + 2 * one["starting_first"]] <= at_s:
            _account_replicas(one, at_s)
            one["starting_first"] += 1
            one["starting"] -= 1
            one["ready"] += 1
            code = REACHED if one["held"] > 0 else OTHER
        else:
            code = EXPIRED
    _find_other(one, pool)
    return code


@apart
def _ends_draining(one: np.void, at_s: float, pool: Floats) -> bool:
    """End what is served by a replica that drains, or cut what its grace does not cover, if that is due."""
    if one["draining"] > 0 and pool[one["draining_at"]] <= at_s:
        _account(one, at_s)
        _account_replicas(one, at_s)
        one["draining"] -= 1
        _sink(pool, one["draining_at"], one["draining"], pool[one["draining_at"] + one["draining"]])
        one["in_flight"] -= 1
        one["served"] += 1
        one["finished"] += 1
        return True
    first = one["cuts_at"] + 2 * one["cuts_first"]
    if one["cuts"] > 0 and pool[first] <= at_s:
        _account(one, at_s)
        _account_replicas(one, at_s)
        requests = int(pool[first + 1])
        one["cuts_first"] += 1
        one["cuts"] -= 1
        one["cut"] -= requests
        one["in_flight"] -= requests
        one["failed"] += requests
        one["finished"] += requests
        return True
    return False


@apart
def _find_other(one: np.void, pool: Floats) -> None:
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
def _drop_newest(one: np.void, pool: Floats) -> None:
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


@inlined
def _account(one: np.void, at_s: float) -> None:
    """Add up what requests take to a time, before anything about them changes."""
    passed_s = at_s - one["at_s"]
    busy, limit = one["busy"], one["limit"]
    serving = busy if limit == 1 else (busy + limit - 1) // limit
    one["in_flight_s"] += passed_s * one["in_flight"]
    one["busy_s"] += passed_s * serving
    one["idle_s"] += passed_s * (one["ready"] - serving)
    one["queued_s"] += passed_s * (one["queue"] + one["held"])
    one["at_s"] = at_s


@apart
def _account_replicas(one: np.void, at_s: float) -> None:
    """Add up what replicas take to a time, before anything about them changes."""
    passed_s = at_s - one["replicas_at_s"]
    starting = one["starting"] + one["missing"] * one["crashing"]
    draining = (one["draining"] + one["cut"] + one["limit"] - 1) // one["limit"]
    one["starting_s"] += passed_s * starting
    one["ready_s"] += passed_s * one["ready"]
    one["draining_s"] += passed_s * draining
    one["allocated_s"] += passed_s * (starting + one["ready"] + draining)
    if one["requested"] == 0:
        one["zero_s"] += passed_s
    one["replicas_at_s"] = at_s


@inlined
def _arrival_s(one: np.void, pool: Floats) -> float:
    """Give when the next request arrives, or up to when none does that was drawn."""
    if one["arrivals_next"] < one["arrivals_end"]:
        return float(pool[one["arrivals_next"]])
    return float(one["drawn_s"])


@inlined
def _push(pool: Floats, at: int, number: int, value: float) -> None:
    """Put a value into a heap of so many that begins there."""
    place = number
    while place > 0:
        parent = (place - 1) >> 1
        above = pool[at + parent]
        if above <= value:
            break
        pool[at + place] = above
        place = parent
    pool[at + place] = value


@inlined
def _sink(pool: Floats, at: int, number: int, value: float) -> None:
    """Put a value in the place of the least one of a heap of so many.

    The hole goes down to a leaf first and the value up from there: it mostly belongs near one, and which of two children
    is less is no branch then. Of 2,000 values that takes two thirds of the time.
    """
    place, child = 0, 1
    while child + 1 < number:
        child += int(pool[at + child + 1] < pool[at + child])
        pool[at + place] = pool[at + child]
        place, child = child, 2 * child + 1
    if child < number:
        pool[at + place] = pool[at + child]
        place = child
    if number > 0:
        _push(pool, at, place, value)
