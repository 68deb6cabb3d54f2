"""The stages of a decision."""

from enum import IntEnum


class Stage(IntEnum):
    """The stages, in the order in which they run."""

    DEMAND = 0
    GUARDS = 1
    FLOORS = 2
    IDLE = 3
    LIMITS = 4
    BUDGET = 5
    BLAST_RADIUS = 6
    MASK = 7
