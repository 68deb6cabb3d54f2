"""Axes, colours and traces, as plotly.js takes them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from autoscaler.simulator.report.parts import Json

COLOURS = tuple(f"var(--c{number})" for number in range(1, 9))
"""Told apart by people who see few colours, too; the page has a light and a dark set."""

REST = "var(--rest)"
INK = "var(--ink)"
SOFT = "var(--soft)"

_UNITS = (("days", 86_400.0, 3.0), ("hours", 3_600.0, 3.0), ("minutes", 60.0, 3.0))


class Clock:
    """The axis of virtual time, in a unit that suits its length.

    Attributes:
        unit: its name.
        unit_s: its seconds.
    """

    def __init__(self, duration_s: float) -> None:
        fitting = ((name, unit_s) for name, unit_s, fewest in _UNITS if duration_s >= fewest * unit_s)
        self.unit, self.unit_s = next(fitting, ("seconds", 1.0))
        self.duration = duration_s / self.unit_s

    def axis(self, **more: object) -> Json:
        """Give the axis."""
        return {"title": {"text": f"virtual time ({self.unit})"}, "range": [0, self.duration], **more}

    def steps(self, at_s: NDArray[np.float64]) -> Json:
        """Give the places of points that are equally far apart."""
        each_s = at_s[1] - at_s[0] if len(at_s) > 1 else 1.0
        return {"x0": digits(at_s[:1])[0] / self.unit_s, "dx": float(each_s / self.unit_s)}


def axis(title: str, **more: object) -> Json:
    """Give an axis on which zero is to be seen; its title has the unit."""
    return {"title": {"text": title}, "rangemode": "tozero", **more}


def digits(values: NDArray[np.floating] | Sequence[float], kept: int = 4) -> list[float]:
    """Round to so many digits: a picture shows no more, and the file stays small."""
    column = np.asarray(values, dtype=np.float64)
    with np.errstate(divide="ignore"):
        size = np.floor(np.log10(np.abs(column), where=column != 0, out=np.zeros(len(column))))
    factor = 10.0 ** (kept - 1 - size)
    rounded: list[float] = (np.round(column * factor) / factor).tolist()
    return [int(value) if value == int(value) else value for value in rounded]


def steps(name: str, places: Json, values: NDArray[np.floating], colour: str, **more: object) -> Json:
    """Give a line that holds each value until the next."""
    line = {"color": colour, "width": 1.6, "shape": "hv"}
    return {"type": "scatter", "mode": "lines", "name": name, **places, "y": digits(values), "line": line} | more


def layer(name: str, places: Json, values: NDArray[np.floating], colour: str, **more: object) -> Json:
    """Give one layer of a pile of areas."""
    drawn = steps(name, places, values, colour, stackgroup="pile", fillcolor=colour, **more)
    drawn["line"] = {"color": colour, "width": 0.5, "shape": "hv"}
    return drawn
