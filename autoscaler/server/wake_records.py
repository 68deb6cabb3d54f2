"""A function's last wakes as JSON, each with the sentence that says where its time went."""

from collections.abc import Iterator

from autoscaler.core.now import Now
from autoscaler.ports import WakeRecord, WakeState

Json = dict[str, object]

_ENDS = {
    WakeState.READY: "ready",
    WakeState.STARTED: "asked to start",
    WakeState.NOT_READY: "not ready in time, given up",
    WakeState.REFUSED: "refused",
    WakeState.EXHAUSTED: "refused for want of room in the pool",
    WakeState.FULL: "refused, too many requests were held",
    WakeState.NOT_FOUND: "gone",
    WakeState.MOVED: "passed on to another daemon",
}
_AT_ONCE = frozenset({WakeState.REFUSED, WakeState.EXHAUSTED, WakeState.FULL})


def shown(wake: WakeRecord, now: Now) -> Json:
    """Give a wake; times are seconds since its first request, null where that did not happen."""
    ago_s = now.monotonic_s - wake.asked_s
    return {
        "asked_utc_s": now.utc_s - ago_s,
        "asked_ago_s": ago_s,
        "sent_s": wake.sent_s,
        "answered_s": wake.answered_s,
        "ready_s": wake.ready_s,
        "ended_s": wake.ended_s,
        "requests": wake.requests,
        "served": wake.served,
        "writes": wake.writes,
        "state": wake.state.value if wake.state is not None else None,
        "reason": wake.reason,
        "sentence": sentence(wake, now),
    }


def sentence(wake: WakeRecord, now: Now) -> str:
    """Say how a wake went: how it ended and when, where the time went, and what became of its requests."""
    return "; ".join([_end(wake, now), *_parts(wake), _requests(wake)])


def _end(wake: WakeRecord, now: Now) -> str:
    if wake.ended_s is None:
        return f"goes on for {_duration(now.monotonic_s - wake.asked_s)}"
    end = _ENDS[wake.state] if wake.state is not None else "given up by the gateway"
    why = f" ({wake.reason})" if wake.reason is not None else ""
    is_series = wake.state in _AT_ONCE and wake.requests > 1  # each was refused at once, one after the other
    return f"{end}{why}, for {_duration(wake.ended_s)}" if is_series else f"{end} after {_duration(wake.ended_s)}{why}"


def _parts(wake: WakeRecord) -> Iterator[str]:
    """Say how long each part took; they follow each other, so that they add up to the whole."""
    before_s = 0.0
    if wake.sent_s is not None:
        yield f"{_duration(wake.sent_s)} until the write was sent"
        before_s = wake.sent_s
        if wake.answered_s is None:
            answer = "it is not accepted yet" if wake.ended_s is None else "it was not accepted"
            yield answer if wake.writes < 2 else f"{answer}, sent {wake.writes} times"
        else:
            times = f", sent {wake.writes} times" if wake.writes > 1 else ""
            yield f"{_between(before_s, wake.answered_s)} until it was accepted{times}"
            before_s = wake.answered_s
    elif wake.ready_s is not None:
        yield "it was starting already"
    if wake.ready_s is None:
        if wake.answered_s is not None and wake.state is WakeState.NOT_READY:
            yield "it could not be reached"
        return
    yield f"{_between(before_s, wake.ready_s)} until it could be reached"
    before_s = max(before_s, wake.ready_s)
    if wake.state is WakeState.READY and wake.ended_s is not None:
        yield f"{_between(before_s, wake.ended_s)} until the last request was let go"


def _requests(wake: WakeRecord) -> str:
    requests = "1 request" if wake.requests == 1 else f"{wake.requests} requests"
    if wake.ended_s is None:
        return requests
    if wake.served == wake.requests:
        return f"{requests}, served"
    return f"{requests}, {wake.served or 'none'} served"


def _between(before_s: float, after_s: float) -> str:
    return _duration(max(0.0, after_s - before_s))


def _duration(seconds: float) -> str:
    """Write seconds so that what matters can be read: 1.3 ms, 47 ms, 1.25 s, 25.0 s, 190 s."""
    if seconds < 0.01:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s" if seconds < 100 else f"{seconds:.0f} s"
