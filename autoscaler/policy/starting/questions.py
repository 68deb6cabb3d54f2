"""What is asked of a Prometheus of which nothing is known."""

import re
from collections.abc import Collection, Mapping

from autoscaler.policy.profiles import CATALOG, Gateway, matchers, quoted

INTERVAL_WITHIN = "5m"
"""Stretch in which scrapes are looked for: Prometheus itself takes what is older for gone."""


def signs_of(gateway: Gateway) -> tuple[str, ...]:
    """Give the metrics of which one is enough to know a gateway: some are there only after the first call."""
    others = (one for one in (gateway.alive, gateway.heartbeat) if one is not None)
    return tuple(dict.fromkeys((gateway.signs[0], *others)))


def which_signs() -> str:
    """Ask which metrics there are of those by which gateways are recognised."""
    names = {sign for gateway in CATALOG.values() for sign in signs_of(gateway)}
    return f"count by (__name__) ({_any_of(names)})"


def targets_of_gateway(gateway: Gateway) -> str:
    """Ask for the targets that have a gateway's metrics."""
    return f"up and on (job, instance) {_any_of(signs_of(gateway))}"


def targets_of(job: str) -> str:
    """Ask for all targets of a job."""
    return f"up{{job={quoted(job)}}}"


def scrape_intervals(match: Mapping[str, str], instances: Collection[str]) -> str:
    """Ask for the seconds between two scrapes of some targets: the times of all within a stretch, one second apart.

    A scrape more often than once a second reads as one second.
    """
    among = quoted("|".join(sorted(re.escape(instance) for instance in instances)))
    times = f"timestamp(up{{{matchers(match)},instance=~{among}}})[{INTERVAL_WITHIN}:1s]"
    return f"(max_over_time({times}) - min_over_time({times})) / changes({times})"


def names(gateway: Gateway, match: Mapping[str, str]) -> str:
    """Ask how a gateway's series name functions, by every label that may do so."""
    metrics = [one for one in (gateway.counter, gateway.alive) if one is not None]
    return f"count by ({', '.join(naming_labels(gateway))}) ({_any_of(metrics, gateway.only, match)})"


def naming_labels(gateway: Gateway) -> tuple[str, ...]:
    """Give the labels that may name a function."""
    own = [label for label in (gateway.namespace_label, gateway.function_label) if label is not None]
    return tuple(stored for label in own for stored in gateway.stored(label))


def _any_of(metrics: Collection[str], *selectors: Mapping[str, str]) -> str:
    """Select several metrics at once."""
    inner = [f"__name__=~{quoted('|'.join(sorted(metrics)))}", *(matchers(one) for one in selectors if one)]
    return f"{{{','.join(inner)}}}"
