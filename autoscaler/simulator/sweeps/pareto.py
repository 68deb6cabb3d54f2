"""Which points no other beats in everything."""

from collections.abc import Sequence

import numpy as np

from autoscaler.core.columns import Bools, Floats


def dominated_by(points: Floats) -> tuple[int | None, ...]:
    """Give for every point one that is at least as good in all coordinates and better in one; None: on the front.

    Args:
        points: `(points, objectives) float64`; less is better; a NaN has no place on the front and beats nobody.

    Returns:
        For a dominated point, a point of the front; for one with a NaN, itself.
    """
    count = len(points)
    result: list[int | None] = [None] * count
    is_known: Bools = ~np.any(np.isnan(points), axis=1)
    # In this order nobody is beaten by somebody who comes later, so the front grows and never shrinks.
    order = [int(row) for row in np.lexsort(points.T[::-1]) if is_known[row]]
    front: list[int] = []
    held = np.empty_like(points)
    for row in order:
        point, so_far = points[row], held[: len(front)]
        beating = (so_far <= point).all(axis=1) & (so_far < point).any(axis=1)
        if beating.any():
            result[row] = front[int(np.argmax(beating))]
        else:
            held[len(front)] = point
            front.append(row)
    for unknown in np.flatnonzero(~is_known):
        result[int(unknown)] = int(unknown)
    return tuple(result)


def front(points: Sequence[Sequence[float]]) -> tuple[int, ...]:
    """Give the points that none beats, in the order of the first objective."""
    array = np.array(points, dtype=np.float64)
    free = [row for row, by in enumerate(dominated_by(array)) if by is None]
    return tuple(sorted(free, key=lambda row: tuple(array[row])))
