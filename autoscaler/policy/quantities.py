"""Quantities as documents write them."""

import math
import re
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_PART_S = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PARTS = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|[dhms])")
_DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ms|[dhms]))+")
_ALLOWED = "a duration such as 30s, 5m, 1h30m or 500ms (units ms, s, m, h, d)"
DURATION_PATTERN = r"^([0-9]+(\.[0-9]+)?(ms|d|h|m|s))+$"


def parse_duration(text: object) -> float:
    """Give the seconds that a duration such as `90s`, `5m`, `1h30m` or `500ms` stands for.

    A bare number is refused: whether it means seconds or minutes is what people get wrong.

    Raises:
        ValueError: it is no duration; the message says what is allowed.
    """
    if not isinstance(text, str) or not _DURATION.fullmatch(text):
        raise ValueError(_ALLOWED)
    seconds = sum(float(number) * _PART_S[unit] for number, unit in _PARTS.findall(text))
    if not math.isfinite(seconds):
        raise ValueError(_ALLOWED)  # of more digits than a number has
    return seconds


def format_duration(seconds: float) -> str:
    """Write seconds as the shortest duration that `parse_duration` reads back."""
    if seconds != int(seconds):
        return f"{round(seconds * 1000)}ms"
    whole, text = int(seconds), ""
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, whole = divmod(whole, size)
        text += f"{count}{unit}" if count else ""
    return text or "0s"


Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN, "examples": ["30s", "5m"]}),
]
"""Seconds in Python, a text such as `5m` in documents."""
