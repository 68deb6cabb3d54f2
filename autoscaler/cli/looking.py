"""What `init` reads from a Prometheus: which gateways it has, their targets, and the names in their series."""

from collections.abc import Iterator, Sequence

from autoscaler.adapters.prometheus.answers import Series
from autoscaler.adapters.prometheus.survey import Survey
from autoscaler.policy.profiles import CATALOG, Gateway
from autoscaler.policy.starting import questions
from autoscaler.policy.starting.sighting import Sighting
from autoscaler.policy.starting.targets import Labels, match_of, usual_interval

MOST_JOBS = 5
"""Jobs of one profile that are looked at; each is four queries a tick."""

_INSTANCES = 5
"""Targets whose scrapes are timed; a job scrapes all of them alike."""


def sightings(survey: Survey) -> Iterator[Sighting]:
    """Look for every gateway that has a profile.

    Raises:
        SourceError: no whole answer to a question.
    """
    present = {_metric(series).get("__name__") for series in survey.ask(questions.which_signs())}
    for gateway in CATALOG.values():
        if present & set(questions.signs_of(gateway)):
            yield from _of_gateway(survey, gateway)


def _of_gateway(survey: Survey, gateway: Gateway) -> Iterator[Sighting]:
    targets: dict[str, list[Labels]] = {}
    for series in survey.ask(questions.targets_of_gateway(gateway)):
        labels = _metric(series)
        targets.setdefault(labels.get("job", ""), []).append(labels)
    for job in sorted(targets)[:MOST_JOBS]:
        own = targets[job]
        others = [labels for labels in map(_metric, survey.ask(questions.targets_of(job))) if labels not in own]
        match, is_apart = match_of(own, others)
        yield Sighting(
            gateway=gateway,
            match=match,
            is_apart=is_apart,
            interval_s=_interval(survey, match, own),
            series=[_metric(series) for series in survey.ask(questions.names(gateway, match))],
        )


def _interval(survey: Survey, match: Labels, own: Sequence[Labels]) -> float | None:
    instances = sorted({labels["instance"] for labels in own if "instance" in labels})[:_INSTANCES]
    values = [float(series["value"][1]) for series in survey.ask(questions.scrape_intervals(match, instances))]
    known = [value for value in values if 0 < value < float("inf")]
    return usual_interval(max(known)) if known else None


def _metric(series: Series) -> Labels:
    """Give the labels of a series; a target's own name, `up`, is none of them."""
    labels: Labels = {name: value for name, value in series["metric"].items() if (name, value) != ("__name__", "up")}
    return labels
