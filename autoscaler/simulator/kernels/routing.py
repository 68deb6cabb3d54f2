"""One function's requests in time where each goes to a replica that is chosen when it comes, with a queue of its own.

A replica serves `limit` requests at once, and `line_room` more wait in its line; where all are full, requests wait at the
gateway, and the first replica that has room takes the next. Of what has room, `newestIdle` takes the newest replica that
can serve at once, `leastLoaded` the one with the fewest requests, the oldest of these first; `random` takes any, and the
least loaded one where that is full, as does `newestIdle` where none can serve at once.
Ready replicas stand on a stack in the order in which they got ready; scale-down takes the newest, as a ReplicaSet does,
which then finish what they serve and what waits in their lines, up to the end of grace.
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
from autoscaler.simulator.kernels.replicas import (
    DRAINS,
    END,
    FIRST,
    IS_GONE,
    LAST,
    LINE,
    NEWEST_IDLE,
    PLACE,
    RANDOM,
    REPLICA,
    SERVED,
    UNTIL,
    WAITER,
)
from autoscaler.simulator.kernels.state import Functions


@compiled
def advance_routed(
    rows: Ints, until_s: float, functions: Functions, pool: Floats, columns: Floats, asking: Ints, asks: Ints
) -> int:
    """Let everything up to and with a time happen to functions; as `pooled.advance`."""
    asked = 0
    for place in range(len(rows)):
        row = rows[place]
        one = functions[row]
        code = OTHER
        while code == OTHER:
            code = _requests(one, until_s, pool)
            if code == OTHER:
                code = _replicas(one, pool)
        tell(one, row, pool[one["ends_at"]] if one["ends"] > 0 else np.inf, pool, columns)
        if code != DONE:
            asking[asked] = row
            asks[asked] = code
            asked += 1
    return asked


@compiled
def account_routed(row: int, at_s: float, functions: Functions) -> None:
    """Add up requests and replicas to a time, before anything about them changes."""
    _account(functions[row], at_s)
    _account_replicas(functions[row], at_s)


@compiled
def stand(row: int, more: int, functions: Functions, pool: Floats) -> None:
    """Put replicas that are ready on the stack; there must be numbers for them."""
    for _ in range(more):
        _stand(functions[row], pool)


@compiled
def shrink_routed(row: int, surplus: int, now_s: float, functions: Functions, pool: Floats) -> None:
    """Take replicas away: those that start go first, newest first, then those that are ready, newest first.

    There must be room for as many ends of grace. When the next event is due must be looked for anew.
    """
    one = functions[row]
    while surplus > 0 and one["starting"] > 0:
        drop_newest(one, pool)
        surplus -= 1
    for _ in range(surplus):
        one["ready"] -= 1
        number = int(pool[one["stack_at"] + one["ready"]])
        at = one["replicas_at"] + REPLICA * number
        _set_load(one, one["ready"], np.inf, pool)
        if pool[at + SERVED] == 0:
            _free(one, number, pool)
            continue
        one["active"] -= 1
        one["leaving"] += 1
        pool[at + PLACE] = DRAINS
        pool[at + UNTIL] = now_s + one["grace_s"]
        if one["grace_s"] < np.inf:
            pair = one["cuts_at"] + 2 * (one["cuts_first"] + one["cuts"])
            pool[pair] = now_s + one["grace_s"]
            pool[pair + 1] = number
            one["cuts"] += 1


@inlined
def _requests(one: np.void, until_s: float, pool: Floats) -> int:
    """Let requests arrive, be served and lose patience, up to a time or to an event of another kind."""
    code = _fill(one, pool)
    while code == DONE:
        arrives_s = arrival_s(one, pool)
        end_s = pool[one["ends_at"]] if one["ends"] > 0 else np.inf
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


@inlined
def _arrive(one: np.void, at_s: float, pool: Floats) -> int:
    """Send a request to a replica, or let it wait at the gateway, or refuse it."""
    place = _chosen(one, pool)
    if place < 0:
        if one["ready"] == 0 and one["holds"] == 1:
            return HOLD
        if one["queue"] >= one["queue_room"] and one["queue"] < one["queue_most"]:
            return QUEUE
        wait_or_refuse(one, at_s, _come(one, at_s, pool), pool)
        return DONE
    code = _lacks(one, place, pool)
    if code != DONE:
        return code
    service_s = _come(one, at_s, pool)
    one["in_flight"] += 1
    _send(one, place, at_s, at_s, service_s, pool)
    return DONE


@inlined
def _come(one: np.void, at_s: float, pool: Floats) -> float:
    """Take the request that comes, and give its service seconds."""
    _account(one, at_s)
    service_s = pool[one["arrivals_next"] + one["services_off"]]
    one["arrivals_next"] += 1
    one["started"] += 1
    return float(service_s)


@inlined
def _chosen(one: np.void, pool: Floats) -> int:
    """Give the place of the replica that takes a request that comes; -1: none has room."""
    room, tree, size = one["limit"] + one["line_room"], one["tree_at"], one["tree_size"]
    if one["ready"] == 0 or pool[tree + 1] >= room:
        return -1
    if one["routing"] == NEWEST_IDLE and pool[tree + 1] < one["limit"]:
        place = 1
        while place < size:
            place = 2 * place + 1
            if pool[tree + place] >= one["limit"]:
                place -= 1
        return int(place - size)
    if one["routing"] == RANDOM:
        chance = pool[one["chances_at"] + one["arrivals_next"] - one["arrivals_at"]]
        place = min(int(chance * one["ready"]), one["ready"] - 1)
        if pool[tree + size + place] < room:
            return int(place)
    return _least_loaded(one, pool)


@inlined
def _least_loaded(one: np.void, pool: Floats) -> int:
    """Give the place of the oldest of the replicas with the fewest requests."""
    tree, size, place = one["tree_at"], one["tree_size"], 1
    least = pool[tree + 1]
    while place < size:
        place = 2 * place
        if pool[tree + place] != least:
            place += 1
    return int(place - size)


@inlined
def _lacks(one: np.void, place: int, pool: Floats) -> int:
    """Tell what must be there before a replica can take a request."""
    if pool[one["tree_at"] + one["tree_size"] + place] >= one["limit"]:
        return BUSY if one["lines_free"] < 0 else DONE
    return BUSY if one["ends"] >= one["ends_room"] else DONE


@inlined
def _send(one: np.void, place: int, came_s: float, at_s: float, service_s: float, pool: Floats) -> None:
    """Send a request to a replica that has room: it is served at once, or waits in the line there."""
    number = int(pool[one["stack_at"] + place])
    at = one["replicas_at"] + REPLICA * number
    load = pool[one["tree_at"] + one["tree_size"] + place]
    if load < one["limit"]:
        one["active"] += int(load == 0)
        pool[at + SERVED] += 1
        one["sojourn_s"] += at_s - came_s + service_s
        _push(one, at_s + service_s, number, pool)
    else:
        node = one["lines_free"]
        waiter = one["lines_at"] + WAITER * node
        one["lines_free"] = int(pool[waiter + 2])
        pool[waiter], pool[waiter + 1], pool[waiter + 2] = came_s, service_s, -1
        if pool[at + LINE] == 0:
            pool[at + FIRST] = node
        else:
            pool[one["lines_at"] + WAITER * int(pool[at + LAST]) + 2] = node
        pool[at + LAST] = node
        pool[at + LINE] += 1
        one["in_lines"] += 1
    _set_load(one, place, load + 1, pool)


@inlined
def _end(one: np.void, at_s: float, pool: Floats) -> int:
    """End the service that is due; its replica serves who waits in its line, or at the gateway."""
    number = int(pool[one["ends_at"] + 1])
    at = one["replicas_at"] + REPLICA * number
    if pool[at + PLACE] == IS_GONE:
        _pop(one, pool)
        pool[at + SERVED] -= 1
        if pool[at + SERVED] == 0:
            one["cut_replicas"] -= 1
            _free(one, number, pool)
        return DONE
    if one["waits"] >= one["waits_room"] and (pool[at + LINE] > 0 or one["queue"] > 0):
        return WAITS
    _account(one, at_s)
    one["in_flight"] -= 1
    one["served"] += 1
    one["finished"] += 1
    place = int(pool[at + PLACE])
    if pool[at + LINE] > 0:
        came_s, service_s = _leave_line(one, at, pool)
        note_wait(one, at_s - came_s, pool)
        one["sojourn_s"] += at_s - came_s + service_s
        _pop(one, pool)
        _push(one, at_s + service_s, number, pool)
    else:
        _pop(one, pool)
        pool[at + SERVED] -= 1
        if pool[at + SERVED] == 0:
            _rest(one, number, at_s, pool)
    if place >= 0:
        _set_load(one, place, pool[one["tree_at"] + one["tree_size"] + place] - 1, pool)
        return _fill(one, pool)
    return DONE


@inlined
def _rest(one: np.void, number: int, at_s: float, pool: Floats) -> None:
    """Note that a replica serves nothing more; one that drains is gone."""
    if pool[one["replicas_at"] + REPLICA * number + PLACE] >= 0:
        one["active"] -= 1
    else:
        _account_replicas(one, at_s)
        one["leaving"] -= 1
        _free(one, number, pool)


@inlined
def _fill(one: np.void, pool: Floats) -> int:
    """Send those who wait at the gateway to replicas that have room."""
    room = one["limit"] + one["line_room"]
    while one["queue"] > 0 and one["ready"] > 0 and pool[one["tree_at"] + 1] < room:
        place = _least_loaded(one, pool)
        code = _lacks(one, place, pool)
        if code != DONE:
            return code
        if one["waits"] >= one["waits_room"]:
            return WAITS
        is_served = pool[one["tree_at"] + 1] < one["limit"]
        came_s, service_s = leave_queue(one, pool)
        if is_served:
            note_wait(one, one["at_s"] - came_s, pool)
        _send(one, place, came_s, one["at_s"], service_s, pool)
    return DONE


@inlined
def _lose_patience(one: np.void, at_s: float, pool: Floats) -> int:
    """Refuse the first of those who wait at the gateway."""
    if one["waits"] >= one["waits_room"]:
        return WAITS
    _account(one, at_s)
    came_s, _ = leave_queue(one, pool)
    note_wait(one, at_s - came_s, pool)
    one["sojourn_s"] += at_s - came_s
    one["in_flight"] -= 1
    one["refused"] += 1
    one["finished"] += 1
    return DONE


@inlined
def _leave_line(one: np.void, at: int, pool: Floats) -> tuple[float, float]:
    """Take the first of a replica's line out; give when it came, and its service seconds."""
    node = int(pool[at + FIRST])
    waiter = one["lines_at"] + WAITER * node
    pool[at + FIRST] = pool[waiter + 2]
    pool[at + LINE] -= 1
    one["in_lines"] -= 1
    pool[waiter + 2] = one["lines_free"]
    one["lines_free"] = node
    return pool[waiter], pool[waiter + 1]


@inlined
def _replicas(one: np.void, pool: Floats) -> int:
    """Let the one event happen that is due and has to do with replicas or holds."""
    at_s = one["other_s"]
    cut = one["cuts_at"] + 2 * one["cuts_first"]
    code = OTHER
    if one["cuts"] > 0 and pool[cut] <= at_s:
        code = _cut(one, int(pool[cut + 1]), at_s, pool)
    else:
        _account(one, at_s)
        if is_ready(one, at_s, pool):
            _account_replicas(one, at_s)
            one["starting_first"] += 1
            one["starting"] -= 1
            _stand(one, pool)
            code = REACHED if one["held"] > 0 else OTHER
        else:
            code = EXPIRED
    find_other(one, pool)
    return code


@apart
def _cut(one: np.void, number: int, at_s: float, pool: Floats) -> int:
    """End the grace of a replica, if it still drains: what it serves, and who waits in its line, has failed."""
    at = one["replicas_at"] + REPLICA * number
    _account(one, at_s)
    _account_replicas(one, at_s)
    if pool[at + PLACE] == DRAINS and pool[at + UNTIL] == at_s:
        while pool[at + LINE] > 0:
            if one["waits"] >= one["waits_room"]:
                return WAITS
            came_s, _ = _leave_line(one, at, pool)
            note_wait(one, at_s - came_s, pool)
            one["sojourn_s"] += at_s - came_s
            _fail(one, 1)
        for place in range(one["ends"]):
            if pool[one["ends_at"] + END * place + 1] == number:
                one["sojourn_s"] -= pool[one["ends_at"] + END * place] - at_s
        _fail(one, int(pool[at + SERVED]))
        pool[at + PLACE] = IS_GONE
        one["cut_replicas"] += 1
        one["leaving"] -= 1
    one["cuts_first"] += 1
    one["cuts"] -= 1
    return OTHER


@inlined
def _fail(one: np.void, requests: int) -> None:
    one["in_flight"] -= requests
    one["failed"] += requests
    one["finished"] += requests


@inlined
def _stand(one: np.void, pool: Floats) -> None:
    """Put a replica that is ready on the stack."""
    number = one["replicas_free"]
    at = one["replicas_at"] + REPLICA * number
    one["replicas_free"] = int(pool[at + FIRST])
    pool[at + PLACE] = one["ready"]
    pool[at + SERVED] = pool[at + LINE] = 0
    pool[one["stack_at"] + one["ready"]] = number
    _set_load(one, one["ready"], 0.0, pool)
    one["ready"] += 1


@inlined
def _free(one: np.void, number: int, pool: Floats) -> None:
    """Give the number of a replica that is gone to those that nobody has."""
    at = one["replicas_at"] + REPLICA * number
    pool[at + PLACE] = IS_GONE
    pool[at + FIRST] = one["replicas_free"]
    one["replicas_free"] = number


@inlined
def _set_load(one: np.void, place: int, load: float, pool: Floats) -> None:
    """Note how many requests the replica at a place has; inf: there is none."""
    tree, node = one["tree_at"], one["tree_size"] + place
    pool[tree + node] = load
    while node > 1:
        node >>= 1
        least = min(pool[tree + 2 * node], pool[tree + 2 * node + 1])
        if pool[tree + node] == least:
            break
        pool[tree + node] = least


@inlined
def _account(one: np.void, at_s: float) -> None:
    """Add up what requests take to a time, before anything about them changes."""
    account_requests(one, one["active"], one["in_lines"], at_s)


@inlined
def _account_replicas(one: np.void, at_s: float) -> None:
    """Add up what replicas take to a time, before anything about them changes."""
    account_replicas(one, one["leaving"], at_s)


@inlined
def _push(one: np.void, end_s: float, number: int, pool: Floats) -> None:
    """Put an end of service into the heap."""
    begin, at = one["ends_at"], one["ends_at"] + END * one["ends"]
    one["ends"] += 1
    while at > begin:
        above = begin + END * ((at - begin - END) // (2 * END))
        if pool[above] <= end_s:
            break
        pool[at], pool[at + 1] = pool[above], pool[above + 1]
        at = above
    pool[at], pool[at + 1] = end_s, number


@inlined
def _pop(one: np.void, pool: Floats) -> None:
    """Take the next end of service out of the heap."""
    one["ends"] -= 1
    at, count = one["ends_at"], one["ends"]
    end_s, number = pool[at + END * count], pool[at + END * count + 1]
    place, child = 0, 1
    while child < count:
        if child + 1 < count and pool[at + END * (child + 1)] < pool[at + END * child]:
            child += 1
        if end_s <= pool[at + END * child]:
            break
        pool[at + END * place], pool[at + END * place + 1] = pool[at + END * child], pool[at + END * child + 1]
        place, child = child, 2 * child + 1
    if count > 0:
        pool[at + END * place], pool[at + END * place + 1] = end_s, number
