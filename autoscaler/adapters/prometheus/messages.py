"""What daemon and worker processes say to each other; all small: columns go through shared memory."""

from dataclasses import dataclass

from autoscaler.policy.profiles import Profile
from autoscaler.policy.settings import SourceSettings


@dataclass(frozen=True, slots=True)
class Segment:
    """Shared memory that holds one source's rows.

    First `rows` names (`namespace/name`, one a line, `names_bytes` of UTF-8), then `(gateways, rows) uint8`, whom
    each gateway serves; the reading's columns, `(columns, rows) float64`, have a segment of their own.

    Attributes:
        version: number of this layout; a reading of another version is thrown away.
        names: name of the first segment.
        columns: name of the second.
    """

    version: int
    names: str
    columns: str
    rows: int
    names_bytes: int


@dataclass(frozen=True, slots=True)
class Adopt:
    """Daemon to worker: this is a source, these are its functions; replaces what was said before."""

    source: str
    settings: SourceSettings
    profiles: tuple[Profile, ...]
    segment: Segment


@dataclass(frozen=True, slots=True)
class Ask:
    """Daemon to worker: read the source as of `utc_s`, and answer within `timeout_s`."""

    source: str
    number: int
    utc_s: float
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Ready:
    """Worker to daemon: it runs."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Worker to daemon: the reading is done, its columns are in the segment, unless `is_sick`.

    Attributes:
        source: whose.
        number: of the `Ask`.
        version: of the `Segment` it was written to.
        series: series in all answers.
        query_s: seconds from asking to the last byte, parsed.
        error: what went wrong with the source or some of its gateways; None: nothing.
        is_sick: the source gave nothing; columns hold nothing.
    """

    source: str
    number: int
    version: int
    series: int
    query_s: float
    error: str | None
    is_sick: bool


FromWorker = Ready | Answer
ToWorker = Adopt | Ask
