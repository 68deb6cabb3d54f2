"""The regularized incomplete beta function and what confidence intervals need of it, from the standard library alone."""

import math
from collections.abc import Callable
from functools import cache

_MOST_TERMS = 400
_CLOSE = 1e-15
_TINY = 1e-300


def incomplete_beta(a: float, b: float, x: float) -> float:
    """Give I_x(a, b), the probability that a Beta(a, b) variable is at most `x`, to about 1e-13.

    Source: the continued fraction DLMF 8.17.22, evaluated by the modified Lentz algorithm; it converges fast for
    x < (a + 1) / (a + b + 2), and the other half follows from I_x(a, b) = 1 - I_{1-x}(b, a).
    """
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - incomplete_beta(b, a, 1.0 - x)
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(log_front) / a * _fraction(a, b, x)


def _fraction(a: float, b: float, x: float) -> float:
    """Evaluate the continued fraction from its front."""
    front, above, below = 1.0, 1.0, 0.0
    for term in range(_MOST_TERMS):
        half, is_odd = divmod(term, 2)
        if term == 0:
            factor = 1.0
        elif is_odd:
            factor = -(a + half) * (a + b + half) * x / ((a + 2 * half) * (a + 2 * half + 1))
        else:
            factor = half * (b - half) * x / ((a + 2 * half - 1) * (a + 2 * half))
        below = 1.0 / _apart(1.0 + factor * below)
        above = _apart(1.0 + factor / above)
        change = above * below
        front *= change
        if term and abs(change - 1.0) < _CLOSE:
            break
    return front - 1.0


def _apart(value: float) -> float:
    """Keep a divisor away from zero."""
    return value if abs(value) > _TINY else _TINY


@cache
def student_quantile(probability: float, degrees: int) -> float:
    """Give the quantile of Student's t distribution.

    Args:
        probability: 0.5 to below 1.
        degrees: of freedom, from 1.
    """

    def below(t: float) -> float:
        return 1.0 - 0.5 * incomplete_beta(degrees / 2.0, 0.5, degrees / (degrees + t * t))

    high = 1.0
    while below(high) < probability:
        high *= 2.0
    return _root(below, probability, 0.0, high)


@cache
def least_share(held: int, of: int, confidence: float) -> float:
    """Give the lower Clopper-Pearson bound of a share: with this confidence the true share is no smaller.

    Args:
        held: how often it was so, of `of` independent tries.
        confidence: one-sided, such as 0.95: 10 of 10 is 0.741 or more.
    """
    if held == 0:
        return 0.0
    return _root(lambda x: incomplete_beta(held, of - held + 1, x), 1.0 - confidence, 0.0, 1.0)


def _root(rising: Callable[[float], float], wanted: float, low: float, high: float) -> float:
    """Bisect until neighbouring numbers are reached."""
    while True:
        middle = 0.5 * (low + high)
        if middle in (low, high):
            return middle
        if rising(middle) < wanted:
            low = middle
        else:
            high = middle
