"""One function's requests in time: whichever place is free first takes the next of one queue.

A kernel stops before an event for which it lacks room or a say, so that whoever serves it may simply call again.
"""

import numpy as np

from autoscaler.core.columns import Floats, Ints
from autoscaler.simulator.compiled import apart, compiled, inlined
from autoscaler.simulator.kernels.parts import (
    ARRIVES,
    BUSY,
    DONE,
    ENDS,
    EXPIRED,
    HOLD,
    LOSES_PATIENCE,
    OTHER,
    QUEUE,
    REACHED,
    WAITS,
    account_replicas,
    account_requests,
    arrival_s,
    drop_newest,
    find_other,
    is_ready,
    leave_queue,
    next_event,
    note_wait,
    tell,
    wait_or_refuse,
)
from autoscaler.simulator.kernels.state import Functions


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
        tell(one, row, pool[one["busy_at"]] if one["busy"] > 0 else np.inf, pool, columns)
        if code != DONE:
            asking[asked] = row
            asks[asked] = code
            asked += 1
    return asked


@compiled
def settle(row: int, functions: Functions, pool: Floats) -> None:
    """Note when the next event is due that has to do with replicas or holds, after one of them changed."""
    find_other(functions[row], pool)


@compiled
def account(row: int, at_s: float, functions: Functions) -> None:
    """Add up requests and replicas to a time, before anything about them changes."""
    _account(functions[row], at_s)
    _account_replicas(functions[row], at_s)


@compiled
def note(row: int, wait_s: float, functions: Functions, pool: Floats) -> None:
    """Note a wait; there is room for it."""
    note_wait(functions[row], wait_s, pool)


@compiled
def shrink(row: int, surplus: int, functions: Functions, pool: Floats) -> None:
    """Take replicas away: those that start go first, newest first, then ready ones.

    Who is served beyond the places that are left must then be found a replica that drains, and the next event anew.
    """
    one = functions[row]
    while surplus > 0 and one["starting"] > 0:
        drop_newest(one, pool)
        surplus -= 1
    one["ready"] -= surplus


@inlined
def _requests(one: np.void, until_s: float, pool: Floats) -> int:
    """Let requests arrive, be served and lose patience, up to a time or to an event of another kind."""
    code = _fill(one, pool)
    while code == DONE:
        if one["queue"] == 0 and one["held"] == 0:
            _flow(one, until_s, pool)
        arrives_s = arrival_s(one, pool)
        end_s = pool[one["busy_at"]] if one["busy"] > 0 else np.inf
        event = next_event(one, arrives_s, end_s, until_s)
        if event == ENDS:
            code = _end(one, end_s, pool)
        elif event == ARRIVES:
            code = _arrive(one, arrives_s, pool)
        elif event == LOSES_PATIENCE:
            code = _lose_patience(one, one["patience_s"], pool)
        elif event == DONE:
            break
        else:
            code = event
    return code


@apart
def _flow(one: np.void, until_s: float, pool: Floats) -> None:
    """Let requests come and go for as long as there is a place for each at once, which is what mostly happens.

    Everything else is left to `_requests`, which would do this just the same. Here what changes is held in registers: the
    compiler cannot know that the pool is not where the function is, and would write every number back at every event.
    """
    at, busy, limit, until_other_s = one["busy_at"], one["busy"], one["limit"], one["other_s"]
    ready, places, room = one["ready"], one["ready"] * one["limit"], one["busy_room"]
    next_at, end_at, services_off, drawn_s = (
        one["arrivals_next"],
        one["arrivals_end"],
        one["services_off"],
        one["drawn_s"],
    )
    at_s, in_flight, sojourn_s = one["at_s"], one["in_flight"], one["sojourn_s"]
    in_flight_s, busy_s, idle_s = one["in_flight_s"], one["busy_s"], one["idle_s"]
    came = ended = 0
    while True:
        arrives_s = pool[next_at] if next_at < end_at else drawn_s
        end_s = pool[at] if busy > 0 else np.inf
        is_end = end_s <= arrives_s and end_s <= until_s and end_s <= until_other_s
        if not is_end:
            has_place = next_at < end_at and busy < places and busy < room
            if not (has_place and arrives_s <= until_s and arrives_s < until_other_s):
                break
        event_s = end_s if is_end else arrives_s
        passed_s, serving = event_s - at_s, busy if limit == 1 else (busy + limit - 1) // limit
        in_flight_s += passed_s * in_flight
        busy_s += passed_s * serving
        idle_s += passed_s * (ready - serving)
        at_s = event_s
        if is_end:
            ended += 1
            in_flight -= 1
            busy -= 1
            _sink(pool, at, busy, pool[at + busy])
        else:
            service_s = pool[next_at + services_off]
            next_at += 1
            came += 1
            in_flight += 1
            sojourn_s += service_s
            _push(pool, at, busy, at_s + service_s)
            busy += 1
    one["busy"], one["arrivals_next"], one["in_flight"] = busy, next_at, in_flight
    one["at_s"], one["sojourn_s"] = at_s, sojourn_s
    one["in_flight_s"], one["busy_s"], one["idle_s"] = in_flight_s, busy_s, idle_s
    one["started"] += came
    one["served"] += ended
    one["finished"] += ended


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
    else:
        wait_or_refuse(one, at_s, service_s, pool)
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
        _sink(pool, one["busy_at"], one["busy"], at_s + _take_first(one, at_s, pool))
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
        _push(pool, one["busy_at"], one["busy"], one["at_s"] + _take_first(one, one["at_s"], pool))
        one["busy"] += 1
    return DONE


@apart
def _lose_patience(one: np.void, at_s: float, pool: Floats) -> int:
    """Refuse the first of those who wait."""
    if one["waits"] >= one["waits_room"]:
        return WAITS
    _account(one, at_s)
    service_s = _take_first(one, at_s, pool)
    one["sojourn_s"] -= service_s  # it is never served
    one["in_flight"] -= 1
    one["refused"] += 1
    one["finished"] += 1
    return DONE


@inlined
def _take_first(one: np.void, at_s: float, pool: Floats) -> float:
    """Take the first of those who wait out, note what it waited, and give its service time."""
    came_s, service_s = leave_queue(one, pool)
    wait_s = at_s - came_s
    note_wait(one, wait_s, pool)
    one["sojourn_s"] += wait_s + service_s
    return float(service_s)


@apart
def _replicas(one: np.void, pool: Floats) -> int:
    """Let the one event happen that is due and has to do with replicas or holds."""
    at_s = one["other_s"]
    code = OTHER
    if not _ends_draining(one, at_s, pool):
        _account(one, at_s)
        if is_ready(one, at_s, pool):
            _account_replicas(one, at_s)
            one["starting_first"] += 1
            one["starting"] -= 1
            one["ready"] += 1
            code = REACHED if one["held"] > 0 else OTHER
        else:
            code = EXPIRED
    find_other(one, pool)
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


@inlined
def _account(one: np.void, at_s: float) -> None:
    """Add up what requests take to a time, before anything about them changes."""
    busy, limit = one["busy"], one["limit"]
    account_requests(one, busy if limit == 1 else (busy + limit - 1) // limit, 0, at_s)


@inlined
def _account_replicas(one: np.void, at_s: float) -> None:
    """Add up what replicas take to a time, before anything about them changes."""
    account_replicas(one, (one["draining"] + one["cut"] + one["limit"] - 1) // one["limit"], at_s)


@inlined
def _push(pool: Floats, at: int, number: int, value: float) -> None:
    """Put a value into a heap of so many that begins there."""
    place = number
    while place > 0:
        parent = (place - 1) >> 2
        above = pool[at + parent]
        if above <= value:
            break
        pool[at + place] = above
        place = parent
    pool[at + place] = value


@inlined
def _sink(pool: Floats, at: int, number: int, value: float) -> None:
    """Put a value in the place of the least one of a heap of so many, in which four are below each.

    The hole goes down to a leaf first and the value up from there: it mostly belongs near one, and which of four children
    is least is no branch then.
    """
    place, child = 0, 1
    while child + 3 < number:
        left = child + int(pool[at + child + 1] < pool[at + child])
        right = child + 2 + int(pool[at + child + 3] < pool[at + child + 2])
        least = left + (right - left) * int(pool[at + right] < pool[at + left])
        pool[at + place] = pool[at + least]
        place, child = least, 4 * least + 1
    if child < number:
        least = child
        for other in range(child + 1, number):
            least = other if pool[at + other] < pool[at + least] else least
        pool[at + place] = pool[at + least]
        place = least
    if number > 0:
        _push(pool, at, place, value)
