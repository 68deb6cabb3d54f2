"""What a decision log holds of one step, and what it says beside the steps."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from autoscaler.core.decisions import Decisions
from autoscaler.core.events import Event
from autoscaler.core.now import Now
from autoscaler.core.observation import Observation


class JournalError(ValueError):
    """Bytes that are no decision log, or one of another version: what is wrong, and where."""


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One step of the controller: what it was told, and what it decided.

    Attributes:
        now: the time it was told.
        observation: what the tick saw; None: a step between ticks.
        events: what it was told had happened.
        decisions: what came out.
    """

    now: Now
    observation: Observation | None
    events: tuple[Event, ...]
    decisions: Decisions

    @property
    def is_recall(self) -> bool:
        """Whether it told the controller a sample of the past, `now` being that past, and decided nothing."""
        return self.observation is not None and not self.decisions.is_tick


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """Where a fleet came from: what another policy needs to be compiled for the same functions.

    Attributes:
        documents: text of every policy document in force, by name.
        marks: `(functions,)`, what stands on each function, as text; the writer knows its form. Empty: not known.
    """

    documents: Mapping[str, str] = field(default_factory=dict)
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Head:
    """How a file begins.

    Attributes:
        run: the daemon's run that wrote it; files of one run continue each other.
        number: of the file within its run, from 0.
        settings: what the controller was made with, as text; the writer knows its form.
    """

    run: str
    number: int
    settings: str


@dataclass(frozen=True, slots=True)
class Gap:
    """Steps that were decided and not written, because the disk was too slow, full or away.

    Attributes:
        lost: how many.
        utc_s: UTC seconds of the first step after them.
    """

    lost: int
    utc_s: float


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes that cannot be read.

    Attributes:
        offset: bytes before them.
        resumed: offset at which reading went on; None: nothing after them can be read.
    """

    offset: int
    resumed: int | None


@dataclass(frozen=True, slots=True)
class Recorded:
    """A step as the log has it.

    Attributes:
        step: the step.
        origin: where its fleet came from; the same object as long as the fleet is the same one.
    """

    step: Step
    origin: Origin


Entry = Head | Recorded | Gap | Damage
"""What reading a log gives, in the order in which it was written."""
