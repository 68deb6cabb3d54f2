"""Schedules: a cron expression with a duration → spans of UTC seconds, as far ahead as a plan looks.

A span begins when the cron expression fires on the clocks of its time zone, and lasts a stretch of real time: ten hours
are ten hours on the day the clocks change too. Where clocks skip the time that is named, it fires at the first moment
after the gap; where they show it twice, the first time alone, as Debian's cron does.
"""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from cronsim import CronSim, CronSimError
from pydantic import Field, field_validator, model_validator

from autoscaler.policy.field_reference import told
from autoscaler.policy.quantities import Duration
from autoscaler.policy.strict import Strict

AHEAD_S = 8 * 86_400.0
"""How far ahead a plan looks: a week and a day, so that a weekly schedule is always in it."""

MOST_SPANS = 256
"""Spans of one function, all its schedules together, per `AHEAD_S`; one that has more is looked at less far ahead."""

MOST_FIRINGS = 2000
"""Firings of one cron expression that are counted per `AHEAD_S`, for the same reason: they cost 10 µs each."""

_CRON_EXAMPLE = 'five fields (minute hour day month weekday), such as "0 8 * * 1-5"'
_ZONE_EXAMPLE = "an IANA time zone, such as Europe/Berlin or UTC"


class Schedule(Strict):
    """A floor or a ceiling, or both, by the calendar."""

    cron: Annotated[str, Field(max_length=100)] = Field(
        description="When it begins: five fields, minute hour day month weekday (names and L, #, / too).",
        json_schema_extra=told("clock time", "KEDA cron start", "none, for only its owner knows when"),
    )
    time_zone: Annotated[str, Field(max_length=64)] = Field(
        "UTC",
        description="IANA name of the zone whose clocks `cron` means, daylight saving included.",
        json_schema_extra=told("–", "KEDA cron timezone", "a cluster's clocks show UTC"),
    )
    duration: Annotated[Duration, Field(gt=0, le=31 * 86_400)] = Field(
        description="How long it lasts, up to 31d, in real time whatever the clocks do.",
        json_schema_extra=told(
            "duration", "ours", "none; a second cron expression for the end, as KEDA has, can miss its begin"
        ),
    )
    min: Annotated[int, Field(ge=0, le=1_000_000)] | None = Field(
        None,
        description="Floor while it lasts; of several the highest holds. null: none. `min` or `max` is needed.",
        json_schema_extra=told("replicas", "KEDA cron desiredReplicas", "null, for a schedule may be a ceiling alone"),
    )
    max: Annotated[int, Field(ge=0, le=1_000_000)] | None = Field(
        None,
        description="Ceiling while it lasts; of several the lowest holds, also over any floor. null: none.",
        json_schema_extra=told("replicas", "ours", "null, for most schedules are floors"),
    )

    @field_validator("cron")
    @classmethod
    def _is_cron(cls, cron: str) -> str:
        if len(cron.split()) != 5:
            raise ValueError(f"{_CRON_EXAMPLE}; this has {len(cron.split())}")
        try:
            CronSim(cron, datetime(2000, 1, 1, tzinfo=UTC))
        except (CronSimError, ValueError, AssertionError) as error:
            raise ValueError(f"{_CRON_EXAMPLE}; this has a {str(error).lower() or 'bad field'}") from None
        return cron

    @field_validator("time_zone")
    @classmethod
    def _is_zone(cls, name: str) -> str:
        _zone(name)
        return name

    @model_validator(mode="after")
    def _says_something(self) -> "Schedule":
        if self.min is None and self.max is None:
            raise ValueError("min or max, or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min up to max")
        return self


def _zone(name: str) -> ZoneInfo:
    # Neither the machine's own zone nor a path is a name: a document means the same everywhere.
    if name != "localtime":
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            pass
    near = difflib.get_close_matches(name, available_timezones(), n=1)
    raise ValueError(f"{_ZONE_EXAMPLE}{f'; did you mean {near[0]}?' if near else ''}")


@dataclass(frozen=True, slots=True)
class Spans:
    """When a schedule holds.

    Attributes:
        edges: begin and end of each span, UTC seconds, ascending, none within another; ends are not within.
        known_from_s: UTC seconds from which on all are known.
        known_until_s: UTC seconds up to which all begins are known.
    """

    edges: tuple[tuple[float, float], ...]
    known_from_s: float
    known_until_s: float

    def is_fresh(self, utc_s: float) -> bool:
        """Tell whether they will do for a plan made now: less than half of the stretch that they cover is over."""
        return self.known_from_s <= utc_s < (self.known_from_s + self.known_until_s) / 2


def spans(schedule: Schedule, utc_s: float, ahead_s: float = AHEAD_S, share: int = 1) -> Spans:
    """Give when a schedule holds, from now on.

    Spans that touch or overlap are one, so that a cron expression that fires every minute costs no more than one that
    fires daily.

    Args:
        utc_s: now, UTC seconds.
        ahead_s: how far to look, seconds; less where there are too many spans or firings.
        share: schedules that share a function's spans.
    """
    until_s = utc_s + ahead_s
    scale = max(1.0, ahead_s / AHEAD_S)
    most_spans, most_firings = max(2, int(MOST_SPANS * scale) // share), int(MOST_FIRINGS * scale)
    edges: list[tuple[float, float]] = []
    firings = 0
    for at_s in _firings(schedule, utc_s):
        end_s = at_s + schedule.duration
        is_new = not edges or at_s > edges[-1][1]
        firings += at_s > utc_s
        if at_s >= until_s or firings > most_firings or (is_new and len(edges) == most_spans):
            until_s = min(until_s, at_s)
            break
        if end_s <= utc_s:
            continue
        if is_new:
            edges.append((at_s, end_s))
        else:
            edges[-1] = (edges[-1][0], max(edges[-1][1], end_s))
    return Spans(tuple(edges), utc_s, until_s)


def _firings(schedule: Schedule, utc_s: float) -> Iterator[float]:
    """Give the moments at which it fires, ascending, from the last one that is not after now on."""
    cron = _by_the_clock(schedule.cron)
    zone = UTC if schedule.time_zone == "UTC" else _zone(schedule.time_zone)
    now = datetime.fromtimestamp(int(utc_s), UTC) + timedelta(seconds=1)
    last = next(CronSim(cron, now.astimezone(zone), reverse=True), None)
    start = (last.astimezone(UTC) if last is not None else now) - timedelta(seconds=1)
    for at in CronSim(cron, start.astimezone(zone)):
        yield at.astimezone(UTC).timestamp()


def _by_the_clock(cron: str) -> str:
    """Write `*/2` of hours as `0-23/2`, which means the same.

    For a field that begins with a star cronsim steps by real hours, and so passes over 02:00 on the day on which Lord
    Howe Island's clocks go from 02:00 to 01:30; what begins otherwise it counts by what clocks show.
    """
    minute, hour, *rest = cron.split()
    return " ".join((minute, f"0-23{hour[1:]}" if hour.startswith("*/") else hour, *rest))
