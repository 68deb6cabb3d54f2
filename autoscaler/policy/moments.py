"""Moments as people write them."""

import math
from datetime import UTC, datetime

from autoscaler.policy.quantities import parse_duration

_AGO = " ago"
ALLOWED = "a time such as 2026-03-29T14:05:00Z, or how long since, such as 10m ago"


def parse_moment(text: str, now_s: float) -> float:
    """Give the UTC seconds that a time (RFC 3339) or a stretch before now (`10m ago`) stands for.

    A time without an offset is refused: whether it means UTC or the reader's own zone is what people get wrong.

    Args:
        now_s: UTC seconds of now.

    Raises:
        ValueError: it is no such moment, or one that is still to come; the message says what is allowed.
    """
    stripped = text.strip()
    if stripped.endswith(_AGO):
        try:
            return now_s - parse_duration(stripped.removesuffix(_AGO).strip())
        except ValueError:
            raise ValueError(ALLOWED) from None
    try:
        moment = datetime.fromisoformat(stripped)
    except ValueError:
        raise ValueError(ALLOWED) from None
    if moment.tzinfo is None:
        raise ValueError(f"a time with an offset, such as {stripped}Z or {stripped}+02:00")
    if moment.timestamp() > now_s:
        raise ValueError(f"a time that has been; now is {format_moment(now_s)}")
    return moment.timestamp()


def format_moment(utc_s: float) -> str:
    """Write UTC seconds as a time, to the millisecond; what no calendar has is written as the number it is."""
    if not math.isfinite(utc_s) or not -62_135_596_800 <= utc_s < 253_402_300_800:
        return f"{utc_s} s"
    return datetime.fromtimestamp(utc_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
