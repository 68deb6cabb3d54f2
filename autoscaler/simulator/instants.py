"""Moments of the calendar as documents write them."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

ALLOWED = "a moment such as 2026-03-29T08:00:00Z or 2026-03-29T08:00:00+02:00 (date, time and time zone)"


def parse_instant(text: object) -> float:
    """Give the UTC seconds that a moment such as `2026-03-29T08:00:00Z` stands for.

    A moment without a time zone is refused: whose midnight it means is what people get wrong.

    Raises:
        ValueError: it is no such moment; the message says what is allowed.
    """
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
        if moment is not None and moment.tzinfo is not None:
            return moment.timestamp()
    except (ValueError, OverflowError):
        pass
    raise ValueError(ALLOWED)


def format_instant(utc_s: float) -> str:
    """Write UTC seconds as `parse_instant` reads them back."""
    return datetime.fromtimestamp(utc_s, UTC).isoformat().replace("+00:00", "Z")


Instant = Annotated[
    float,
    BeforeValidator(parse_instant),
    PlainSerializer(format_instant, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""UTC seconds in Python, a text such as `2026-03-29T08:00:00Z` in documents."""
