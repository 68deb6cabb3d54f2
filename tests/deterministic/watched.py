"""What alerts may do, seen from inside: the controller of a run, which looks at itself after every step."""

from collections.abc import Callable, Mapping, Sequence

from autoscaler.core.controller import Controller
from autoscaler.core.decisions import Decisions
from autoscaler.core.events import BoostFiring, Event, Wake
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.now import Now
from autoscaler.core.observation import Observation
from tests.deterministic.defects import Defect

Say = Callable[[str, FunctionKey | None, str], None]
Floors = Mapping[FunctionKey, int | None]


class Watched(Controller):
    """Decides as any other, and says where a repetition or a foreign event changed something.

    Args:
        say: takes a broken rule, the function and what happened.
        forget: called when a term ends, and what alerts said in it is forgotten.
        defect: what is wrong with what it hears.
    """

    def __init__(self, say: Say, forget: Callable[[], None], defect: Defect) -> None:
        super().__init__(None)
        self._say = say
        self._defect = defect
        self._forget = forget
        self._known: dict[str, Floors] = {}

    def anew(self) -> "Watched":
        self._forget()
        return Watched(self._say, self._forget, self._defect)

    def step(self, now: Now, observation: Observation | None, events: Sequence[Event]) -> Decisions:
        decisions = super().step(now, observation, self._defect.events(events))
        if observation is None:
            self._look_between(decisions, events)
        self._look_at_floors(now)
        return decisions

    def _look_between(self, decisions: Decisions, events: Sequence[Event]) -> None:
        """Between ticks a step raises, and only what its events name."""
        named: set[FunctionKey] = set()
        for event in events:
            if isinstance(event, Wake):
                named.add(event.key)
            elif isinstance(event, BoostFiring):
                named.update(event.keys)
        for place, row in enumerate(decisions.rows.tolist()):
            key = decisions.fleet.keys[row]
            if key not in named:
                self._say("foreign-row", key, "a step between ticks decided it, and no event named it")
            if decisions.desired[place] < decisions.requested[place]:
                self._say("between-ticks", key, "a step between ticks lowered it")

    def _look_at_floors(self, now: Now) -> None:
        """As long as an alert is in force, however often it is told, its floors stay what they were."""
        seen: dict[str, Floors] = {}
        for boost in self.boosts(now):
            floors = seen[boost.id] = dict(zip(boost.keys, boost.floors, strict=True))
            for key, floor in self._known.get(boost.id, {}).items():
                if floors.get(key, floor) != floor:
                    self._say("repetition", key, f"{boost.id} had a floor of {floor}, and has one of {floors[key]} now")
        self._known = seen
