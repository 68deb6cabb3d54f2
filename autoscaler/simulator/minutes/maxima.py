"""Sliding maxima of a matrix's rows, for many windows at once."""

import numpy as np

from autoscaler.simulator.minutes.counts import Containers


class Maxima:
    """Maxima of the last steps of each row, of whatever windows are asked for.

    The maxima of 1, 2, 4, 8, … steps are made once; any other window is the maximum of two of those that
    overlap. So 20 windows cost 20 passes and the table, whatever their lengths.
    """

    def __init__(self, matrix: Containers) -> None:
        """Begin a table.

        Args:
            matrix: `(rows, steps)`, not changed; before its first step there is nothing.
        """
        self._levels = [matrix]

    def over(self, window: int) -> Containers:
        """Give, for each step, the maximum of it and the `window − 1` before it.

        Args:
            window: steps, >= 1; a longer one than there are steps is the maximum of all up to there.
        """
        window = min(window, self._levels[0].shape[1])
        level = window.bit_length() - 1
        while len(self._levels) <= level:
            self._levels.append(_joined(self._levels[-1], 1 << (len(self._levels) - 1)))
        return _joined(self._levels[level], window - (1 << level))


def before(maxima: Containers) -> Containers:
    """Give each step what the step before it has; the first has nothing before it."""
    result = np.zeros_like(maxima)
    result[:, 1:] = maxima[:, :-1]
    return result


def filled(matrix: Containers, steps: int) -> Containers:
    """Fill every valley of at most `steps` steps up to the lower of its two rims.

    It is a morphological closing: of every height, stretches that are at most so far apart become one. What lies
    before the first or after the last step of a height is no valley.
    """
    if not steps:
        return matrix
    rows, number = matrix.shape
    steps = min(steps, number)
    padded = np.concatenate([matrix, np.zeros((rows, steps), matrix.dtype)], axis=1)
    spread = Maxima(padded).over(steps + 1)
    shrunk: Containers = -Maxima(-spread[:, ::-1]).over(steps + 1)[:, ::-1]
    return shrunk[:, :number]


def _joined(maxima: Containers, shift: int) -> Containers:
    """Give the maximum of each step and the one `shift` before it."""
    if not shift:
        return maxima
    result = maxima.copy()
    np.maximum(maxima[:, shift:], maxima[:, :-shift], out=result[:, shift:])
    return result
