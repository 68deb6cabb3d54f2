"""What may happen between ticks. Every event is a level: told twice, it changes nothing more."""

from dataclasses import dataclass
from enum import IntEnum

from autoscaler.core.fleet import FunctionKey


@dataclass(frozen=True, slots=True)
class Wake:
    """Somebody wants this function to run.

    Attributes:
        key: the function; one that the fleet lacks is ignored.
        waiting: requests held until it is ready, >= 0; 0 only starts it.
    """

    key: FunctionKey
    waiting: int


class Effect(IntEnum):
    """What an alert does while it fires."""

    BOOST = 0  # a floor above what the load asks for
    FREEZE = 1  # load lowers nothing
    WAKE = 2  # the function runs, with its activation replicas at least


@dataclass(frozen=True, slots=True)
class BoostFiring:
    """An alert that holds functions up while it fires, until `ends_s` at the latest.

    What it does, and a floor of replicas, are fixed when it is first seen: `factor` and `add` apply to the demand of the
    last tick with known load, and where none is known the floor is what runs. A repetition moves `ends_s` only.

    Attributes:
        id: fingerprint, startsAt and rule: one alert's effect on one policy.
        keys: functions it raises; those that the fleet lacks are ignored.
        factor: multiplies demand, >= 1.
        add: replicas added to demand after the factor, >= 0.
        ends_s: monotonic seconds at which it ends by itself.
        effect: what it does; factor, add and floor are those of a boost alone.
        floor: replicas that the boost is, whatever the demand; None: factor and add say it.
    """

    id: str
    keys: tuple[FunctionKey, ...]
    factor: float
    add: float
    ends_s: float
    effect: Effect = Effect.BOOST
    floor: float | None = None


@dataclass(frozen=True, slots=True)
class BoostResolved:
    """The alert behind a boost, freeze or wake ended: it is lifted at the next tick; nothing is scaled down by this."""

    id: str


Event = Wake | BoostFiring | BoostResolved
