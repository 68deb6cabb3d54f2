"""What functions say of their scaling in OpenFaaS's labels, as OpenFaaS itself reads them."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from autoscaler.core.columns import Bools, Floats
from autoscaler.policy.labels import OPENFAAS
from autoscaler.policy.quantities import parse_duration

Kind = TypeVar("Kind")
Labels = Sequence[Mapping[str, str]]
"""Labels of each function."""


def number(labels: Labels, name: str, default: float) -> Floats:
    """Give a number of every function, `(functions,) float64`; one that cannot be read is the default, as there."""
    return np.array([_read(one, name, float, default) for one in labels], np.float64)


def duration_s(labels: Labels, name: str, default: float) -> Floats:
    """Likewise, seconds of a duration such as `15m`."""
    return np.array([_read(one, name, parse_duration, default) for one in labels], np.float64)


def claim(labels: Labels, name: str) -> Bools:
    """Likewise, whether it says `true`."""
    return np.array([one.get(OPENFAAS + name) == "true" for one in labels], np.bool_)


def _read(labels: Mapping[str, str], name: str, read: Callable[[str], float], default: float) -> float:
    text = labels.get(OPENFAAS + name)
    if text is None:
        return default
    try:
        value = read(text)
    except ValueError:
        return default
    return value if np.isfinite(value) and value >= 0 else default
