"""The account of wakes: where the time of each went, for people; and how long they take, by tenant, for `/metrics`."""

import math
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.core.wake_state import WakeState
from autoscaler.daemon.wake_counts import PATCH_TO_READY, READY_TO_RELEASED, REQUEST_TO_PATCH, WakeCounts
from autoscaler.ports.wakes import WakeRecord, WakeTimes

PER_FUNCTION = 8
TOGETHER_S = 60.0
"""Wakes that come to nothing within so long of each other are one record: a gateway that asks a thousand times a second
for a function that may not start must not drive out what is worth knowing."""
FOUND_READY_S = 0.25
"""A request that waited no longer than this, without a write, found its function ready: it was only made sure that it can be
reached, which takes a millisecond. Gateways that ask for every call would drive out every wake with those."""

TIDIED_AT_ONCE = 2_000

_PACKED = struct.Struct("<d4f2IH2B")
"""A wake in 36 bytes: 100,000 functions keep eight each."""
_MOST_REQUESTS, _MOST_WRITES = 2**32 - 1, 2**16 - 1
_STATES = tuple(WakeState)
_CODES = {state: code for code, state in enumerate(_STATES)}
_NONE = 255

_SERVED = frozenset({WakeState.READY, WakeState.STARTED})
_FINAL = frozenset({WakeState.READY, WakeState.REFUSED, WakeState.EXHAUSTED, WakeState.NOT_FOUND, WakeState.MOVED})
"""Ends after which nothing more is to be learnt of a wake. One that nobody waits for any more for another reason goes
on: its function may still become ready, and that tells how much longer a hold would have served."""

_AT_ONCE = frozenset({WakeState.REFUSED, WakeState.EXHAUSTED, WakeState.FULL, WakeState.NOT_READY})


@dataclass(slots=True)
class _Wake:
    """A wake that goes on; times are monotonic seconds."""

    tenant: str
    asked_s: float
    held: int = 0
    requests: int = 0
    served: int = 0
    writes: int = 0
    sent_s: float | None = None
    answered_s: float | None = None
    ready_s: float | None = None
    ended_s: float | None = None
    state: WakeState | None = None
    reason: str | None = None


class WakeLog:
    """Takes what happens to wakes, in the order in which it happens; one for all terms of a daemon.

    A wake is of a function, not of a request: it begins with the first request that is held, and all that come while
    one is held are part of it. Requests that find their function ready are no wake, and neither counted nor kept.

    What it counts by tenant and keeps of functions is forgotten with them.
    """

    def __init__(self) -> None:
        self._open: dict[FunctionKey, _Wake] = {}
        # Whose it was, and its wakes; another tenant's are forgotten.
        self._past: dict[FunctionKey, tuple[str, bytes]] = {}
        self._counts = WakeCounts()
        self._reasons: list[str] = []
        self._fleet: Fleet | None = None
        self._unseen: list[FunctionKey] = []  # of which it is not known whether they are in the fleet

    def asked(self, key: FunctionKey, tenant: str, now_s: float) -> None:
        """Note a request that is held from now on; `released` ends it."""
        wake = self._open.get(key)
        if wake is None or wake.ended_s is not None:
            if wake is not None:
                self._keep(key, wake)
            wake = self._open[key] = _Wake(tenant, now_s)
        wake.held += 1
        wake.requests += 1

    def sent(self, key: FunctionKey, now_s: float) -> None:
        """Note that a write which starts a function is on the wire."""
        wake = self._open.get(key)
        if wake is None or wake.answered_s is not None or wake.ready_s is not None:
            return
        wake.writes += 1
        if wake.sent_s is None:
            wake.sent_s = now_s
            self._counts.took(REQUEST_TO_PATCH, wake.tenant, now_s - wake.asked_s)

    def written(self, key: FunctionKey, now_s: float) -> None:
        """Note that the write was accepted."""
        wake = self._open.get(key)
        if wake is not None and wake.answered_s is None and wake.sent_s is not None:
            wake.answered_s = now_s

    def ready(self, key: FunctionKey, now_s: float) -> None:
        """Note that a function can be reached."""
        wake = self._open.get(key)
        if wake is None or wake.ready_s is not None:
            return
        wake.ready_s = now_s
        if wake.sent_s is not None:
            self._counts.took(PATCH_TO_READY, wake.tenant, now_s - wake.sent_s)
        if wake.ended_s is not None:
            self._close(key, wake)

    def released(
        self, key: FunctionKey, state: WakeState | None, requests: int, now_s: float, reason: str | None = None
    ) -> None:
        """Note how requests that were held end, at the moment at which their answers go out.

        Args:
            state: how they end; None: the gateway hung up.
            requests: how many of them.
            reason: what forbade it, as `WakeResult` names it.
        """
        wake = self._open.get(key)
        if wake is None or wake.ended_s is not None:
            return
        wake.held -= requests
        if state is WakeState.READY and wake.writes == 0 and now_s - wake.asked_s <= FOUND_READY_S:
            if wake.held <= 0:
                del self._open[key]
            return
        self._counts.ended(wake.tenant, state, requests)
        if state is not None:
            wake.state, wake.reason = state, reason
        if state in _SERVED:
            wake.served += requests
        if state is WakeState.READY:
            self._served(wake, requests, now_s)
        if wake.held <= 0:
            wake.ended_s = now_s
            if wake.state in _FINAL or wake.ready_s is not None:
                self._close(key, wake)

    def turned_away(
        self, key: FunctionKey, tenant: str, state: WakeState, now_s: float, reason: str | None = None
    ) -> None:
        """Note a request that is not held at all; of functions that are there, by callers who may wake them."""
        self._counts.ended(tenant, state, 1)
        wake = self._open.get(key)
        if wake is not None and wake.ended_s is None:
            wake.requests += 1
            return
        self._keep(key, _Wake(tenant, now_s, requests=1, ended_s=now_s, state=state, reason=reason))

    def of(self, key: FunctionKey) -> Sequence[WakeRecord]:
        """Give a function's last wakes, oldest first; one that goes on is the last."""
        wake = self._open.get(key)
        past = list(self._kept(key))
        return [*past, _record(wake)][-PER_FUNCTION:] if wake is not None else past

    def times(self) -> WakeTimes:
        """Give how long the parts of wakes took and how requests ended, by tenant."""
        return self._counts.times()

    def retain(self, fleet: Fleet) -> None:
        """Forget tenants that are not in a fleet at once, and functions as `tidy` comes to them."""
        self._counts.retain(frozenset(fleet.tenants))
        self._fleet, self._unseen = fleet, [*self._past, *self._open]

    def tidy(self) -> None:
        """Look at some functions, and forget those that are gone: all of 100,000 would hold the event loop for 25 ms."""
        if self._fleet is None or not self._unseen:
            return
        some, self._unseen = self._unseen[:TIDIED_AT_ONCE], self._unseen[TIDIED_AT_ONCE:]
        for key in some:
            if key in self._fleet.row_of:
                continue
            self._past.pop(key, None)
            if key in self._open and self._open[key].ended_s is not None:
                del self._open[key]

    def _served(self, wake: _Wake, requests: int, now_s: float) -> None:
        if wake.ready_s is None:
            wake.ready_s = now_s  # nobody said it before
        self._counts.took(READY_TO_RELEASED, wake.tenant, now_s - wake.ready_s, requests)

    def _close(self, key: FunctionKey, wake: _Wake) -> None:
        self._keep(key, wake)
        del self._open[key]

    def _keep(self, key: FunctionKey, wake: _Wake) -> None:
        tenant, past = self._past.get(key, (wake.tenant, b""))
        past = past if tenant == wake.tenant else b""
        last = self._unpacked(tenant, _PACKED.unpack(past[-_PACKED.size :])) if past else None
        if last is not None and _is_one_more(last, wake):
            past = past[: -_PACKED.size]
            wake.asked_s, wake.requests = last.asked_s, wake.requests + last.requests
        packed = _PACKED.pack(
            wake.asked_s,
            *(_offset(wake, at) for at in (wake.sent_s, wake.answered_s, wake.ready_s, wake.ended_s)),
            min(wake.requests, _MOST_REQUESTS),
            min(wake.served, _MOST_REQUESTS),
            min(wake.writes, _MOST_WRITES),
            _NONE if wake.state is None else _CODES[wake.state],
            _NONE if wake.reason is None else self._code(wake.reason),
        )
        self._past[key] = (wake.tenant, past[-_PACKED.size * (PER_FUNCTION - 1) :] + packed)

    def _code(self, reason: str) -> int:
        if reason not in self._reasons:
            self._reasons.append(reason)
        return self._reasons.index(reason)

    def _kept(self, key: FunctionKey) -> Iterator[WakeRecord]:
        tenant, past = self._past.get(key, ("", b""))
        return (self._unpacked(tenant, packed) for packed in _PACKED.iter_unpack(past))

    def _unpacked(self, tenant: str, packed: tuple[float | int, ...]) -> WakeRecord:
        asked_s, sent_s, answered_s, ready_s, ended_s, *counts = packed
        requests, served, writes, state, reason = (int(count) for count in counts)
        return WakeRecord(
            tenant=tenant,
            asked_s=asked_s,
            sent_s=_known(sent_s),
            answered_s=_known(answered_s),
            ready_s=_known(ready_s),
            ended_s=_known(ended_s),
            requests=requests,
            served=served,
            writes=writes,
            state=None if state == _NONE else _STATES[state],
            reason=None if reason == _NONE else self._reasons[reason],
        )


def _record(wake: _Wake) -> WakeRecord:
    def after(at_s: float | None) -> float | None:
        return None if at_s is None else at_s - wake.asked_s

    return WakeRecord(
        tenant=wake.tenant,
        asked_s=wake.asked_s,
        sent_s=after(wake.sent_s),
        answered_s=after(wake.answered_s),
        ready_s=after(wake.ready_s),
        ended_s=after(wake.ended_s),
        requests=wake.requests,
        served=wake.served,
        writes=wake.writes,
        state=wake.state,
        reason=wake.reason,
    )


def _is_one_more(last: WakeRecord, wake: _Wake) -> bool:
    """Tell whether a wake came to nothing at once, in the same way as the last one, and soon after it."""
    if any((last.served, last.writes, wake.served, wake.writes)) or wake.state not in _AT_ONCE:
        return False
    is_alike = (last.state, last.reason) == (wake.state, wake.reason)
    return is_alike and wake.asked_s - last.asked_s - (last.ended_s or 0.0) <= TOGETHER_S


def _offset(wake: _Wake, at_s: float | None) -> float:
    return math.nan if at_s is None else at_s - wake.asked_s


def _known(offset_s: float) -> float | None:
    return None if math.isnan(offset_s) else offset_s
