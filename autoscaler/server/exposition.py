"""The Prometheus text format (0.0.4), written in pieces."""

import itertools
import math
from collections.abc import Iterable, Sequence

import numpy as np

from autoscaler.core.columns import Codes, Floats, Ints
from autoscaler.ports import Spans
from autoscaler.server.registry import Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
_SPECIAL = frozenset('\\"\n')

_WHOLE = 2.0**53
"""Below it every whole number is a float."""


def escape(value: str) -> str:
    """Escape a label's value; nearly all are names of Kubernetes, which need none."""
    return value if _SPECIAL.isdisjoint(value) else value.translate(_ESCAPES)


def head(metric: Metric) -> str:
    """Write a family's HELP and TYPE lines."""
    return f"# HELP {metric.name} {metric.meaning}\n# TYPE {metric.name} {metric.kind}\n"


def label_text(names: Sequence[str], values: Sequence[str]) -> str:
    """Write labels as `{name="value",…}` with values escaped; nothing where there are none."""
    if not names:
        return ""
    return "{" + ",".join(f'{name}="{escape(value)}"' for name, value in zip(names, values, strict=True)) + "}"


def family(metric: Metric, samples: Iterable[tuple[Sequence[str], float | None]]) -> str:
    """Write a small family; samples without a finite value are left out, a family without any altogether.

    Args:
        samples: values of the metric's labels, in their order, and the sample's own.
    """
    lines = [
        f"{metric.name}{label_text(metric.labels, labels)} {number(value)}\n"
        for labels, value in samples
        if value is not None and math.isfinite(value)
    ]
    return head(metric) + "".join(lines) if lines else ""


def single(metric: Metric, value: float | None) -> str:
    """Write a family of one sample without labels; nothing where there is no value."""
    return family(metric, [((), value)])


def rows(name: str, labels: Sequence[str], values: Floats | Ints | Codes, digits: int = 6) -> str:
    """Write samples of many rows; those that are nan or infinite are left out.

    Args:
        name: of the metric.
        labels: label text of each row.
        values: `(rows,)`.
        digits: of fractions, whole numbers have all of theirs; six are enough for means of a load, of which a hundred
            thousand are read with every scrape.
    """
    known = np.isfinite(values)
    if not known.all():
        labels, values = list(itertools.compress(labels, known.tolist())), values[known]
    if not len(values):
        return ""
    texts = map(str, values.astype(np.int64).tolist()) if _is_whole(values) else _fractions(values, digits)
    return name + f"\n{name}".join(map(" ".join, zip(labels, texts, strict=True))) + "\n"


def histogram(metric: Metric, names: Sequence[str], spans: Spans) -> str:
    """Write a histogram, a row for each value of its one label that was observed; nothing where none was."""
    lines = []
    totals = spans.counts.cumsum(axis=1).tolist()
    bounds = [*map(number, spans.bounds_s.tolist()), "+Inf"]
    for name, below, sum_s in zip(names, totals, spans.sums_s.tolist(), strict=True):
        if below[-1]:
            label = f'{metric.labels[0]}="{escape(name)}"'
            lines += [
                f'{metric.name}_bucket{{{label},le="{bound}"}} {count}\n'
                for bound, count in zip(bounds, below, strict=True)
            ]
            lines += [
                f"{metric.name}_sum{{{label}}} {number(sum_s)}\n",
                f"{metric.name}_count{{{label}}} {below[-1]}\n",
            ]
    return head(metric) + "".join(lines) if lines else ""


def number(value: float) -> str:
    """Write a number; whole ones without a point."""
    return f"{value:.0f}" if value == int(value) else repr(float(value))


def _is_whole(values: Floats | Ints | Codes) -> bool:
    return bool(np.all(np.abs(values) < _WHOLE) and np.all(values == np.trunc(values)))


def _fractions(values: Floats | Ints | Codes, digits: int) -> list[str]:
    """Format all at once, which takes half as long as one by one."""
    return (f"%.{digits}g " * len(values) % tuple(values.tolist())).split()
