"""The inner loop of the mode of an instance per request: who serves a request, who starts, who goes.

Of events at the same instant, a request ends before one arrives, and that before an idle instance goes: idle for exactly
its keep-alive it still serves. Nothing is changed before everything is there that the change needs, so that whoever
lacks something stops, is given it, and goes on.
"""

from math import inf

import numpy as np

from autoscaler.core.columns import Floats, Ints
from autoscaler.simulator.compiled import apart, compiled, inlined
from autoscaler.simulator.per_request.state import (
    DONE,
    NEEDS_DRAWS,
    NEEDS_FLUSH,
    NEEDS_QUEUE,
    NEEDS_ROOM,
    NOBODY,
    Links,
    Records,
    State,
)


@compiled
def advance(state: State, times: Floats, who: Links, services: Floats, first: int) -> tuple[int, int, int]:
    """Let requests come, and everything else happen that is due up to each of them.

    Args:
        times: `(requests,) float64`, arrivals, ascending, not before what was done already.
        who: `(requests,) int32`, whose they are; NOBODY: no request, time only passes up to there.
        services: `(requests,) float64`, their service seconds.
        first: where to begin.

    Returns:
        What is needed to go on (DONE: nothing), where to begin then, and the function that needs it.
    """
    for position in range(first, len(times)):
        function = who[position]
        status, whose = _settle(state, times[position])
        if status != DONE:
            return status, position, whose
        state.now[0]["now_s"] = times[position]
        if function == NOBODY:
            _look_at_all(state)
            continue
        status = _arrive(state, function, services[position])
        if status != DONE:
            return status, position, function
    return DONE, len(times), NOBODY


@inlined
def _settle(state: State, until_s: float) -> tuple[int, int]:
    """Let everything happen that is due before a request at `until_s`."""
    now = state.now[0]
    while True:
        if now["queued"] > 0 and len(state.waits) - now["waits"] <= now["queued"]:
            return NEEDS_FLUSH, NOBODY
        end_s = state.serving[1]["end_s"]
        if now["is_freed"] != 0:
            status, function = _start_for_one(state)
            if status != DONE:
                return status, function
        elif end_s <= until_s and end_s <= now["gone_s"]:
            _finish(state)
        elif now["gone_s"] < until_s:
            _expire(state)
        else:
            return DONE, NOBODY


@apart
def _look_at_all(state: State) -> None:
    """Bring the request-seconds of all functions up to now."""
    for function in range(len(state.functions)):
        _account(state, function)
        _give_up(state, function)


@inlined
def _account(state: State, function: int) -> None:
    """Add up the request-seconds of a function until now, before anything about its requests changes."""
    one, now_s = state.functions[function], state.now[0]["now_s"]
    passed_s = now_s - one["at_s"]
    one["in_flight_s"] += passed_s * one["in_flight"]
    one["queued_s"] += passed_s * one["queued"]
    one["at_s"] = now_s


@inlined
def _arrive(state: State, function: int, service_s: float) -> int:
    """Serve a request by the newest idle instance, or start one for it, or let it wait, or refuse it."""
    one, now_s = state.functions[function], state.now[0]["now_s"]
    slot = _newest_idle(one, state.words, state.summary)
    if slot == NOBODY:
        return _arrive_cold(state, function, service_s)
    _account(state, function)
    one["requests"] += 1
    one["in_flight"] += 1
    one["idle_s"] += now_s - state.instances[slot]["idle_s"]
    _take(state, one, slot)
    one["busy_s"] += service_s
    one["sojourn_s"] += service_s
    _push(state, now_s + service_s, slot)
    return DONE


@apart
def _arrive_cold(state: State, function: int, service_s: float) -> int:
    """Start an instance for a request, or let it wait, or refuse it."""
    status = _lacks(state, function)
    if status != DONE:
        return status
    one = state.functions[function]
    _account(state, function)
    _give_up(state, function)
    one["requests"] += 1
    limit = _limit(state, one)
    if limit == NOBODY:
        one["in_flight"] += 1
        _start(state, function, state.now[0]["now_s"], service_s)
        return DONE
    state.bound[function, limit] += 1
    state.short_s[function, limit] += service_s
    if one["queued"] < one["bound"]:
        one["in_flight"] += 1
        _queue(state, one, service_s)
    else:
        one["rejected"] += 1
    return DONE


@inlined
def _lacks(state: State, function: int) -> int:
    """Tell what must be there before an instance of a function can start, or a request of its wait."""
    one, now = state.functions[function], state.now[0]
    if one["next"] == one["size"]:
        return NEEDS_ROOM
    if one["drawn"] == state.starts.shape[1]:
        return NEEDS_DRAWS
    if len(state.waits) - now["waits"] <= now["queued"] + 1:
        return NEEDS_FLUSH
    return NEEDS_QUEUE if one["bound"] > 0 and now["spare"] == NOBODY else DONE


@inlined
def _limit(state: State, one: np.void) -> int:
    """Give the limit that allows no further instance: 0 the function's, 1 its tenant's, 2 its pool's; NOBODY: none."""
    tenant = state.tenants[one["tenant"]]
    if one["live"] >= one["cap"]:
        return 0
    if tenant["live"] >= tenant["cap"]:
        return 1
    if tenant["live"] >= tenant["guarantee"] and state.pools[tenant["pool"]]["free"] <= 0:
        return 2
    return NOBODY


@inlined
def _start(state: State, function: int, came_s: float, service_s: float) -> None:
    """Start an instance now for a request, which it serves first."""
    one, now_s = state.functions[function], state.now[0]["now_s"]
    start_s = state.starts[function, one["drawn"]]
    if state.colds.shape[1] > 0:
        service_s = state.colds[function, one["drawn"]]
    one["drawn"] += 1
    one["cold"] += 1
    slot = _make(state, function, start_s)
    one["starting_s"] += start_s
    one["busy_s"] += service_s
    wait_s = now_s - came_s + start_s
    if wait_s > 0:
        _note(state, function, wait_s)
    one["sojourn_s"] += wait_s + service_s
    _push(state, now_s + start_s + service_s, slot)


@inlined
def _make(state: State, function: int, start_s: float) -> int:
    """Make an instance that is not idle, and give its slot."""
    one, now_s = state.functions[function], state.now[0]["now_s"]
    slot = one["base"] + one["next"]
    one["next"] += 1
    made = state.instances[slot]
    made["owner"], made["born_s"], made["ready_s"], made["idle_s"] = function, now_s, now_s + start_s, inf
    _count_instances(state, one, 1)
    return int(slot)


@inlined
def _count_instances(state: State, one: np.void, change: int) -> None:
    """Add up the time with the instances there were until now, and note that there is one more or one less."""
    now_s, live = state.now[0]["now_s"], one["live"]
    passed_s = now_s - one["changed_s"]
    if live > 0:
        one["allocated_s"] += passed_s * live
        state.seconds_at[one["base"] + live - 1] += passed_s
    else:
        one["zero_s"] += passed_s
    one["changed_s"] = now_s
    one["live"] = live + change
    one["peak"] = max(one["peak"], live + change)
    tenant = state.tenants[one["tenant"]]
    pool, everything = state.pools[tenant["pool"]], state.pools[len(state.pools) - 1]
    if max(tenant["live"], tenant["live"] + change) > tenant["guarantee"]:
        pool["free"] -= change
    tenant["live"] += change
    tenant["peak"] = max(tenant["peak"], tenant["live"])
    pool["live"] += change
    pool["peak"] = max(pool["peak"], pool["live"])
    everything["live"] += change
    everything["peak"] = max(everything["peak"], everything["live"])


@inlined
def _finish(state: State) -> None:
    """Let the request end that ends next; its instance serves who waits longest, or is idle."""
    now, slot = state.now[0], state.serving[1]["slot"]
    function = state.instances[slot]["owner"]
    one = state.functions[function]
    now["now_s"] = state.serving[1]["end_s"]
    _account(state, function)
    _pop(state)
    one["served"] += 1
    one["in_flight"] -= 1
    if one["queued"] > 0:
        _give_up(state, function)
    if one["queued"] > 0:
        _serve_next(state, function, slot)
    else:
        _rest(state, one, slot)


@apart
def _serve_next(state: State, function: int, slot: int) -> None:
    """Let an instance serve who waits longest."""
    one, now_s = state.functions[function], state.now[0]["now_s"]
    waiter = state.queue[one["first"]]
    wait_s, service_s = now_s - waiter["came_s"], waiter["service_s"]
    _unqueue(state, one)
    _note(state, function, wait_s)
    one["busy_s"] += service_s
    one["sojourn_s"] += wait_s + service_s
    _push(state, now_s + service_s, slot)


@inlined
def _rest(state: State, one: np.void, slot: int) -> None:
    """Make an instance idle."""
    now, instance, kept = state.now[0], state.instances[slot], state.keeps[one["kept"]]
    last = kept["newest"]
    instance["idle_s"], instance["before"], instance["after"] = now["now_s"], last, NOBODY
    kept["newest"] = slot
    if last == NOBODY:
        kept["oldest"] = slot
        now["gone_s"] = min(now["gone_s"], now["now_s"] + kept["keep_s"])
    else:
        state.instances[last]["after"] = slot
    top = (slot - one["base"]) >> 10
    mark(state, one, slot)
    one["top"] = max(one["top"], top)


@inlined
def mark(state: State, one: np.void, slot: int) -> None:
    """Set the bit of an instance that is idle."""
    place = slot - one["base"]
    state.words[slot >> 5] |= 1 << (slot & 31)
    state.summary[one["summary"] + (place >> 10)] |= 1 << ((place >> 5) & 31)


@inlined
def _take(state: State, one: np.void, slot: int) -> None:
    """Make an idle instance idle no more."""
    place, word = slot - one["base"], slot >> 5
    state.words[word] &= ~(1 << (slot & 31))
    if state.words[word] == 0:
        state.summary[one["summary"] + (place >> 10)] &= ~(1 << ((place >> 5) & 31))
    instance, kept = state.instances[slot], state.keeps[one["kept"]]
    before, after = instance["before"], instance["after"]
    instance["idle_s"] = inf
    if after == NOBODY:
        kept["newest"] = before
    else:
        state.instances[after]["before"] = before
    if before == NOBODY:
        kept["oldest"] = after
        state.now[0]["gone_s"] = _next_gone(state.instances, state.keeps)
    else:
        state.instances[before]["after"] = after


@inlined
def _next_gone(instances: Records, keeps: Records) -> float:
    """Give when the next idle instance goes; inf: none is idle."""
    soonest_s = inf
    for place in range(len(keeps)):
        oldest = keeps[place]["oldest"]
        if oldest != NOBODY:
            soonest_s = min(soonest_s, instances[oldest]["idle_s"] + keeps[place]["keep_s"])
    return soonest_s


@apart
def _expire(state: State) -> None:
    """Let the next idle instance go."""
    now, slot = state.now[0], NOBODY
    now["now_s"] = now["gone_s"]
    for place in range(len(state.keeps)):
        kept = state.keeps[place]
        if kept["oldest"] != NOBODY and state.instances[kept["oldest"]]["idle_s"] + kept["keep_s"] == now["now_s"]:
            slot = kept["oldest"]
    gone = state.instances[slot]
    one = state.functions[gone["owner"]]
    one["idle_s"] += now["now_s"] - gone["idle_s"]
    one["lifespan_s"] += now["now_s"] - gone["born_s"]
    one["ended"] += 1
    _take(state, one, slot)
    gone["owner"] = NOBODY
    _count_instances(state, one, -1)
    now["is_freed"] = int(now["queued"] > 0)


@apart
def _start_for_one(state: State) -> tuple[int, int]:
    """Start an instance for the request that waits longest of those whose limits allow it again."""
    first_s, chosen = inf, NOBODY
    for function in range(len(state.functions)):
        one = state.functions[function]
        if one["queued"] > 0 and _limit(state, one) == NOBODY:
            _account(state, function)
            _give_up(state, function)
            if one["queued"] > 0 and state.queue[one["first"]]["came_s"] < first_s:
                first_s, chosen = state.queue[one["first"]]["came_s"], function
    if chosen == NOBODY:
        state.now[0]["is_freed"] = 0
        return DONE, NOBODY
    status = _lacks(state, chosen)
    if status not in (DONE, NEEDS_QUEUE):
        return status, chosen
    one = state.functions[chosen]
    service_s = state.queue[one["first"]]["service_s"]
    _unqueue(state, one)
    _start(state, chosen, first_s, service_s)
    return DONE, NOBODY


@inlined
def _queue(state: State, one: np.void, service_s: float) -> None:
    """Let a request wait behind the others of its function."""
    now = state.now[0]
    place = now["spare"]
    waiter = state.queue[place]
    now["spare"] = waiter["after"]
    waiter["came_s"], waiter["service_s"], waiter["after"] = now["now_s"], service_s, NOBODY
    if one["queued"] > 0:
        state.queue[one["last"]]["after"] = place
    else:
        one["first"] = place
    one["last"] = place
    one["queued"] += 1
    now["queued"] += 1


@inlined
def _unqueue(state: State, one: np.void) -> None:
    """Take the request that waits longest out of a function's queue."""
    now, place = state.now[0], one["first"]
    one["first"] = state.queue[place]["after"]
    one["queued"] -= 1
    state.queue[place]["after"] = now["spare"]
    now["spare"] = place
    now["queued"] -= 1


@apart
def _give_up(state: State, function: int) -> None:
    """Let those of a function go whose patience ended before now: nothing has looked at them since."""
    one, now_s = state.functions[function], state.now[0]["now_s"]
    patience_s = one["patience_s"]
    while one["queued"] > 0 and state.queue[one["first"]]["came_s"] + patience_s < now_s:
        since_s = now_s - state.queue[one["first"]]["came_s"] - patience_s
        one["in_flight_s"] -= since_s
        one["queued_s"] -= since_s
        one["sojourn_s"] += patience_s
        one["late"] += 1
        one["in_flight"] -= 1
        _note(state, function, patience_s)
        _unqueue(state, one)


@inlined
def _note(state: State, function: int, wait_s: float) -> None:
    """Note what a request waited; there is room."""
    now, one = state.now[0], state.functions[function]
    wait = state.waits[now["waits"]]
    wait["wait_s"], wait["function"] = wait_s, function
    now["waits"] += 1
    if wait_s > one["slo_s"]:
        one["misses"] += 1


@inlined
def _newest_idle(one: np.void, words: Ints, summary: Ints) -> int:
    """Find the idle instance of a function that was made last; NOBODY: none is idle."""
    top, base = one["top"], one["summary"]
    while top > 0 and summary[base + top] == 0:
        top -= 1
    one["top"] = top
    if summary[base + top] == 0:
        return NOBODY
    word = (one["base"] >> 5) + (top << 5) + _highest(summary[base + top])
    return int((word << 5) + _highest(words[word]))


@inlined
def _highest(bits: int) -> int:
    """Give the place of the highest of 32 bits; at least one is set."""
    place = 0
    for width in (16, 8, 4, 2, 1):
        if bits >> width != 0:
            bits >>= width
            place += width
    return place


@inlined
def _push(state: State, end_s: float, slot: int) -> None:
    """Put an instance into the heap of those that serve."""
    heap = state.serving
    place = state.now[0]["serving"] + 1
    state.now[0]["serving"] = place
    while place > 1 and heap[place >> 1]["end_s"] > end_s:
        _lift(heap, place >> 1, place)
        place >>= 1
    heap[place]["end_s"] = end_s
    heap[place]["slot"] = slot


@inlined
def _pop(state: State) -> None:
    """Take the one that ends next out of the heap.

    The hole goes down to the bottom along the sooner child, and the last one is let up from there: it comes from the
    bottom, so that it seldom rises far, and one comparison a level is spared.
    """
    heap, count = state.serving, state.now[0]["serving"]
    end_s, slot = heap[count]["end_s"], heap[count]["slot"]
    heap[count]["end_s"] = inf
    state.now[0]["serving"] = count - 1
    place, child = 1, 2
    while child < count:
        child += int(heap[child + 1]["end_s"] < heap[child]["end_s"])
        _lift(heap, child, place)
        place, child = child, child << 1
    if count == 1:
        return
    while place > 1 and heap[place >> 1]["end_s"] > end_s:
        _lift(heap, place >> 1, place)
        place >>= 1
    heap[place]["end_s"] = end_s
    heap[place]["slot"] = slot


@inlined
def _lift(heap: Records, here: int, there: int) -> None:
    heap[there]["end_s"] = heap[here]["end_s"]
    heap[there]["slot"] = heap[here]["slot"]


@compiled
def provide(state: State, function: int, count: int) -> None:
    """Make instances of a function that are ready and idle at once; there must be room."""
    for _ in range(count):
        slot = _make(state, function, 0.0)
        _rest(state, state.functions[function], slot)
