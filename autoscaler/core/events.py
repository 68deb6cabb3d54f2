"""What may happen between ticks. Every event is a level: told twice, it changes nothing more."""

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class BoostFiring:
    """An alert that raises a floor under functions while it fires, until `ends_s` at the latest.

    The floor is fixed when the boost is first seen: `factor` and `add` apply to the demand of the last
    tick with known load, and where none is known the floor is what runs. A repetition moves `ends_s` only.

    Attributes:
        id: fingerprint, startsAt and rule: one alert's effect on one policy.
        keys: functions it raises; those that the fleet lacks are ignored.
        factor: multiplies demand, >= 1.
        add: replicas added to demand after the factor, >= 0.
        ends_s: monotonic seconds at which it ends by itself.
    """

    id: str
    keys: tuple[FunctionKey, ...]
    factor: float
    add: float
    ends_s: float


@dataclass(frozen=True, slots=True)
class BoostResolved:
    """The alert behind a boost ended: its floor is lifted at the next tick; nothing is scaled down by this."""

    id: str


Event = Wake | BoostFiring | BoostResolved
