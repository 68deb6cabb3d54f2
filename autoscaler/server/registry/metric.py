"""One metric, as a value."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """How Prometheus reads it."""

    GAUGE = "gauge"
    COUNTER = "counter"  # from 0 at the daemon's start; it never falls
    HISTOGRAM = "histogram"  # `_bucket` with the label `le`, `_sum` and `_count`, each a counter


class Unit(StrEnum):
    """What one of it is."""

    BYTES = "bytes"
    CODE = "code"  # a number that stands for a name
    FLAG = "0 or 1"
    REPLICAS = "replicas"
    REPLICA_SECONDS = "replica-seconds"
    REQUESTS = "requests"
    REQUESTS_PER_SECOND = "requests/s"
    SECONDS = "seconds"
    THINGS = "count"
    TIME = "UTC seconds"


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric that the daemon exports.

    Attributes:
        name: with the prefix of all, in base units, as the naming rules of Prometheus want it.
        kind: gauge, counter or histogram.
        unit: what one of it is.
        meaning: one sentence, its HELP line.
        labels: names of its labels, in the order in which they are written.
        when: what must be for it to have a sample; None: it always has one.
    """

    name: str
    kind: Kind
    unit: Unit
    meaning: str
    labels: tuple[str, ...] = ()
    when: str | None = None


@dataclass(frozen=True, slots=True)
class Chapter:
    """Metrics that are read together.

    Attributes:
        title: of the page's part.
        words: what is to be known of all of them.
        metrics: they, in the order in which they are written.
    """

    title: str
    words: str
    metrics: tuple[Metric, ...]


def gauge(name: str, unit: Unit, meaning: str, labels: tuple[str, ...] = (), when: str | None = None) -> Metric:
    """Make a gauge; the prefix of all is put before its name."""
    return Metric(f"autoscaler_{name}", Kind.GAUGE, unit, meaning, labels, when)


def counter(name: str, unit: Unit, meaning: str, labels: tuple[str, ...] = (), when: str | None = None) -> Metric:
    """Make a counter; the prefix of all is put before its name."""
    return Metric(f"autoscaler_{name}", Kind.COUNTER, unit, meaning, labels, when)


def histogram(name: str, unit: Unit, meaning: str, labels: tuple[str, ...] = (), when: str | None = None) -> Metric:
    """Make a histogram; the prefix of all is put before its name."""
    return Metric(f"autoscaler_{name}", Kind.HISTOGRAM, unit, meaning, labels, when)
