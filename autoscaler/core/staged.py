"""What a stage gives back: the new column, and which rows it bound with which rule."""

from typing import NamedTuple

from autoscaler.core.columns import Floats, Ints
from autoscaler.core.reasons import Reason


class Bound(NamedTuple):
    """Rows that one rule bound.

    Attributes:
        rows: `(bound,) int64`, positions within the stage's column.
        reason: the rule.
    """

    rows: Ints
    reason: Reason


class Staged(NamedTuple):
    """The outcome of one stage.

    Attributes:
        replicas: `(functions,) float64`, replicas after the stage; a new array, the input is left as it came.
        bound: the rules that bound, in the order in which they were applied: a later one wins a row.
    """

    replicas: Floats
    bound: tuple[Bound, ...]
