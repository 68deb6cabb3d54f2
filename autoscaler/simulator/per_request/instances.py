"""Instances of functions that may share limits, in virtual time: the kernel, and what it asks for now and then."""

from collections.abc import Sequence
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoscaler.core.columns import Floats
from autoscaler.simulator.per_request.kernel import advance, provide
from autoscaler.simulator.per_request.members import Limit, Member
from autoscaler.simulator.per_request.packing import repack
from autoscaler.simulator.per_request.state import (
    BOUNDLESS,
    DONE,
    FUNCTION,
    INSTANCE,
    KEEP,
    LIMITS,
    NEEDS_DRAWS,
    NEEDS_FLUSH,
    NEEDS_ROOM,
    NOBODY,
    NOW,
    POOL,
    POSITIONS_A_SUMMARY,
    POSITIONS_A_WORD,
    SERVING,
    TENANT,
    WAIT,
    WAITER,
    Links,
    Records,
    State,
)

FEWEST_WAITERS, FEWEST_WAITS = 64, 4_096


class Instances:
    """Functions from second 0 on.

    Args:
        members: the functions; all have `colds` or none has.
        limits: of their tenants.
        stocks: of the tenants' pools, instances that all in it may have together; None: any number.
        drawn_ahead: start-ups of a function that are drawn at once.
    """

    def __init__(
        self,
        members: Sequence[Member],
        limits: Sequence[Limit] = (Limit(),),
        stocks: Sequence[int | None] = (None,),
        drawn_ahead: int = 64,
    ) -> None:
        self._members = members
        self._drawn_ahead = drawn_ahead
        self._state = _initial(members, limits, stocks, drawn_ahead)
        self._slots = len(members) * POSITIONS_A_WORD
        self._summaries = len(members)
        self._waits: list[Records] = []
        for function, member in enumerate(members):
            self._draw(function)
            for _ in range(member.ready):
                if self._state.functions[function]["next"] == self._state.functions[function]["size"]:
                    self._make_room(function)
                provide(self._state, function, 1)

    @property
    def state(self) -> State:
        """The arrays; to be looked at, not changed."""
        return self._state

    def serve(self, times_s: Floats, who: Links, service_s: Floats) -> None:
        """Let requests come.

        Args:
            times_s: arrivals, ascending, not before those of earlier calls.
            who: `(requests,) int32`, rows of their functions.
            service_s: their service seconds.
        """
        position = 0
        while True:
            status, position, function = advance(self._state, times_s, who, service_s, position)
            if status == DONE:
                return
            if status == NEEDS_ROOM:
                self._make_room(function)
            elif status == NEEDS_DRAWS:
                self._draw(function)
            elif status == NEEDS_FLUSH:
                self._flush()
            else:
                self._lengthen_queue()

    def settle(self, until_s: float) -> None:
        """Let everything happen that is due up to a time."""
        self.serve(np.array([until_s]), np.array([NOBODY], np.int32), np.zeros(1))

    def taken_waits(self) -> Sequence[Records]:
        """Give the waits since the last call, `WAIT`; those who did not wait are left out."""
        self._flush()
        waits, self._waits = self._waits, []
        return waits

    def _flush(self) -> None:
        state, now = self._state, self._state.now[0]
        if now["waits"]:
            self._waits.append(state.waits[: now["waits"]].copy())
            now["waits"] = 0
        if len(state.waits) < 2 * (now["queued"] + 2):
            self._state = state._replace(waits=np.zeros(4 * int(now["queued"] + 2), WAIT))

    def _draw(self, function: int) -> None:
        member, state = self._members[function], self._state
        state.starts[function] = member.starts.take(self._drawn_ahead)
        if member.colds is not None:
            state.colds[function] = member.colds.take(self._drawn_ahead)
        state.functions[function]["drawn"] = 0

    def _lengthen_queue(self) -> None:
        state = self._state
        old = len(state.queue)
        self._state = state._replace(queue=np.concatenate([state.queue, _waiters(old, 2 * old)]))
        state.now[0]["spare"] = old

    def _make_room(self, function: int) -> None:
        """Move the instances of a function together; where they need half of their slots, to twice as many."""
        one = self._state.functions[function]
        base, size, summary = int(one["base"]), int(one["size"]), int(one["summary"])
        if one["live"] > size // 2:
            size *= 2
            base, self._slots = self._slots, self._slots + size
            summary, self._summaries = self._summaries, self._summaries - (-size // POSITIONS_A_SUMMARY)
            self._lengthen()
        repack(self._state, function, base, size, summary)

    def _lengthen(self) -> None:
        """Lengthen the arrays of slots, by half at least, so that it is seldom done."""
        state, slots = self._state, self._slots
        if slots > len(state.instances):
            slots += slots // 2 // POSITIONS_A_WORD * POSITIONS_A_WORD
            self._state = state = state._replace(
                instances=_longer(state.instances, _slots(slots)),
                seconds_at=_longer(state.seconds_at, np.zeros(slots)),
                words=_longer(state.words, np.zeros(slots // POSITIONS_A_WORD, np.int64)),
                serving=_longer(state.serving, _heap(slots)),
            )
        if self._summaries > len(state.summary):
            more = np.zeros(2 * self._summaries, np.int64)
            self._state = state._replace(summary=_longer(state.summary, more))


def _initial(
    members: Sequence[Member], limits: Sequence[Limit], stocks: Sequence[int | None], drawn_ahead: int
) -> State:
    count = len(members)
    slots = count * POSITIONS_A_WORD
    keeps, kept = np.unique([member.keep_alive_s for member in members], return_inverse=True)
    has_colds = any(member.colds is not None for member in members)
    functions = _functions(members)
    functions["kept"] = kept
    now = np.zeros(1, NOW)
    now["gone_s"] = inf
    return State(
        functions=functions,
        instances=_slots(slots),
        seconds_at=np.zeros(slots),
        words=np.zeros(slots // POSITIONS_A_WORD, np.int64),
        summary=np.zeros(count, np.int64),
        serving=_heap(slots),
        keeps=np.array([(keep_s, NOBODY, NOBODY) for keep_s in keeps], KEEP),
        tenants=np.array([(0, 0, _bound(one.cap), one.guarantee, one.pool) for one in limits], TENANT),
        pools=_pools(limits, stocks),
        bound=np.zeros((count, LIMITS), np.int64),
        short_s=np.zeros((count, LIMITS)),
        starts=np.zeros((count, drawn_ahead)),
        colds=np.zeros((count, drawn_ahead if has_colds else 0)),
        queue=_waiters(0, FEWEST_WAITERS),
        waits=np.zeros(FEWEST_WAITS, WAIT),
        now=now,
    )


def _functions(members: Sequence[Member]) -> Records:
    functions = np.zeros(len(members), FUNCTION)
    functions["base"] = np.arange(len(members)) * POSITIONS_A_WORD
    functions["size"] = POSITIONS_A_WORD
    functions["summary"] = np.arange(len(members))
    functions["cap"] = [_bound(member.cap) for member in members]
    functions["tenant"] = [member.tenant for member in members]
    functions["bound"] = [_bound(member.queue) for member in members]
    functions["patience_s"] = [member.patience_s for member in members]
    functions["slo_s"] = [member.slo_s for member in members]
    return functions


def _pools(limits: Sequence[Limit], stocks: Sequence[int | None]) -> Records:
    kept = np.zeros(len(stocks), np.int64)
    for limit in limits:
        kept[limit.pool] += limit.guarantee
    free = [_bound(stock) - int(own) for stock, own in zip(stocks, kept, strict=True)]
    return np.array([(0, 0, one) for one in (*free, BOUNDLESS)], POOL)


def _slots(number: int) -> Records:
    slots = np.zeros(number, INSTANCE)
    slots["idle_s"] = inf
    slots["owner"] = NOBODY
    return slots


def _heap(number: int) -> Records:
    heap = np.zeros(number + 2, SERVING)  # place 0 is not used, and one after the last is looked at
    heap["end_s"] = inf
    return heap


def _waiters(from_place: int, to_place: int) -> Records:
    """Give free places among those who wait."""
    waiters = np.zeros(to_place - from_place, WAITER)
    waiters["after"] = np.arange(from_place + 1, to_place + 1)
    waiters["after"][-1] = NOBODY
    return waiters


def _bound(count: int | None) -> int:
    return BOUNDLESS if count is None else count


def _longer(column: NDArray[Any], more: NDArray[Any]) -> NDArray[Any]:
    """Put a column over the beginning of a longer one."""
    more[: len(column)] = column
    return more
