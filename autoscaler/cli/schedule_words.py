"""What the calendar holds of a function, in words."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any


def schedule_words(schedule: Mapping[str, Any] | None) -> Iterator[str]:
    """Say what schedules hold now and what they hold next; nothing where there is none ahead."""
    if schedule is None:
        return
    coming = schedule["next"]
    if coming is None:
        yield f"Schedule: {_bounds(schedule)} for as long as is known."
    else:
        at = datetime.fromtimestamp(coming["utc_s"], UTC)
        yield f"Schedule: {_bounds(schedule)} until {at:%a %Y-%m-%d %H:%M} UTC, then {_bounds(coming)}."


def _bounds(bounds: Mapping[str, Any]) -> str:
    parts = [
        f"at {word} {bounds[name]}" for name, word in (("min", "least"), ("max", "most")) if bounds[name] is not None
    ]
    return " and ".join(parts) or "no bound"
