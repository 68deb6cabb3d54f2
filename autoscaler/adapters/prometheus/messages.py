"""What daemon and worker processes say to each other; all small: columns go through shared memory."""

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from autoscaler.policy.profiles import Profile
from autoscaler.policy.source_settings import SourceSettings


@dataclass(frozen=True, slots=True)
class Segment:
    """Shared memory that holds one source's rows.

    First `rows` names (`namespace/name`, one a line, `names_bytes` of UTF-8), then `(gateways, rows) uint8`, whom
    each gateway serves; the reading's columns, `(columns, rows) float64`, have a segment of their own.

    Attributes:
        version: number of this layout; a reading of another version is thrown away.
        names: name of the first segment.
        columns: name of the second.
        rows: rows of both.
        names_bytes: length of the names.
        kinds: how many columns there are.
    """

    version: int
    names: str
    columns: str
    rows: int
    names_bytes: int
    kinds: int


@dataclass(frozen=True, slots=True)
class Adopt:
    """Daemon to worker: this is a source, these are its functions; replaces what was said before."""

    source: str
    settings: SourceSettings
    profiles: tuple[Profile, ...]
    segment: Segment


class Kind(Enum):
    """How the elements of a question's answer name functions.

    PODS: each is a pod (or a function), and what a function's elements say adds up.
    FUNCTIONS: each is a function, and what a function's elements say adds up.
    OWN: one without a name is of all functions that ask; else each is one function.
    """

    PODS = "pods"
    FUNCTIONS = "functions"
    OWN = "own"


@dataclass(frozen=True, slots=True)
class Question:
    """A further metric, for some functions.

    Attributes:
        query: PromQL.
        activity: likewise, 0 where nothing goes on; None: there is none.
        kind: how to read the answers.
        rows: how many rows of the segment it fills, one after the other, beginning after the previous question's.
    """

    query: str
    activity: str | None
    kind: Kind
    rows: int


@dataclass(frozen=True, slots=True)
class AdoptQuestions:
    """Daemon to worker: these are the questions that one party has to a source; replaces what was said before.

    Attributes:
        source: name of the party's questions, unique among all sources and parties.
        default_namespace: namespace of a function's name that has none; None: such names are nobody's.
        max_bytes: largest answer read.
        segment: one row for each function of each question.
    """

    source: str
    settings: SourceSettings
    questions: tuple[Question, ...]
    default_namespace: str | None
    max_bytes: int
    segment: Segment


Adoption = Adopt | AdoptQuestions


@dataclass(frozen=True, slots=True)
class Forget:
    """Daemon to worker: nothing more will be asked of this source, or by this party."""

    source: str


@dataclass(frozen=True, slots=True)
class Ping:
    """Daemon to worker: say `Ready`, if you are there."""


class Moments(NamedTuple):
    """Moments of the past, oldest first.

    Attributes:
        step_s: seconds from one to the next.
        total: how many there are; the last one is `Ask.utc_s`.
    """

    step_s: float
    total: int


@dataclass(frozen=True, slots=True)
class Ask:
    """Daemon to worker: read the source as of `utc_s`, and answer within `timeout_s`.

    Attributes:
        questions: positions of the questions to ask, in this order; empty where gateways are read.
        past: read the source as of these moments instead; the segment has columns for each, one moment's after the
            other's. None: as of `utc_s` alone.
        most_bytes: largest answer that may be read there, lest its parse stops others; None: as the settings say.
    """

    source: str
    number: int
    utc_s: float
    timeout_s: float
    questions: tuple[int, ...] = ()
    past: Moments | None = None
    most_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Ready:
    """Worker to daemon: it runs, or still does."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one question.

    Attributes:
        question: its position.
        problem: why something of it is unknown, in words without labels or queries; None: it was answered.
        did_fail: no answer came that may be believed, so that it is better asked less often.
        query_s: seconds that it took.
    """

    question: int
    problem: str | None
    did_fail: bool
    query_s: float


class Unclear(NamedTuple):
    """A function some of whose series may be of another one as well, and count for neither.

    Attributes:
        gateway: its position.
        function: `namespace/name`, the first one of its namespace.
        more: how many more of that namespace there are.
    """

    gateway: int
    function: str
    more: int


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
        is_large: an answer was larger than `Ask.most_bytes`, and nothing was read.
        outcomes: of the questions that were asked; those that there was no time for are not among them.
        unclear: at most one of each namespace and gateway.
    """

    source: str
    number: int
    version: int
    series: int
    query_s: float
    error: str | None
    is_sick: bool
    is_large: bool = False
    outcomes: tuple[Outcome, ...] = ()
    unclear: tuple[Unclear, ...] = ()


FromWorker = Ready | Answer
ToWorker = Adoption | Ask | Forget | Ping
