"""What cannot hold together, whoever said it."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from autoscaler.policy.labels import Fields, Said
from autoscaler.policy.metrics import Metric
from autoscaler.policy.problems import shown
from autoscaler.policy.promql import confined, refuse_foreign
from autoscaler.policy.scaling import Fallback, WakeRule
from autoscaler.policy.schedules import Schedule

_ANY = ("any",)
"""A namespace that stands for those of a tenant where they are not known."""


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two fields that cannot both hold.

    Attributes:
        path: the field to blame.
        other: the field it contradicts.
    """

    path: str
    other: str
    wrong: str
    allowed: str


def contradictions(fields: Fields) -> list[Contradiction]:
    """Find what cannot hold together."""
    return [*_of_bounds(fields), *_of_concurrency(fields), *_of_windows(fields), *_of_zero(fields)]


def of_concurrency_budget(fields: Fields, cap: float | None) -> Iterator[Contradiction]:
    """Find that replicas have no weight in their tenant's concurrency budget.

    Args:
        cap: of the tenant; None: no limit.
    """
    metrics = fields["metrics"].of(list)
    is_weighed = any(isinstance(metric, Metric) and metric.type == "concurrency" for metric in metrics)
    if cap is not None and not is_weighed and fields["concurrencyLimit"].value is None:
        wrong = (
            f"has no metric of type concurrency ({fields['metrics'].origin}) and there is no concurrencyLimit, so a "
            f"replica has no weight in the tenant's concurrency budget ({cap:g})"
        )
        yield Contradiction(
            "metrics", "budget.concurrency.cap", wrong, "a metric of type concurrency, or concurrencyLimit"
        )


def of_queries(
    metrics: Collection[object], namespaces: Collection[str] | None, others: Collection[str], most: int
) -> Iterator[Contradiction]:
    """Find queries that a tenant may not have asked.

    Args:
        namespaces: the tenant's; None: which they are may change at any time, so naming one is no mistake.
        others: queries that its other documents have asked already.
        most: how many distinct ones it may have in all.
    """
    seen = set(others)
    for position, metric in enumerate(metrics):
        for name, text in _queries(metric):
            path = f"metrics[{position}].{name}"
            try:
                if namespaces is not None:
                    refuse_foreign(text, namespaces)
                confined(text, namespaces or _ANY)
            except ValueError as error:
                yield Contradiction(path, "namespaces", "is a query that this tenant may not ask", str(error))
            seen.add(text)
            if len(seen) > most:
                wrong = f"is distinct query {len(seen)} of this tenant's policies"
                yield Contradiction(path, "bounds.maxQueries", wrong, f"{most} (bounds.maxQueries of the Tenant)")


def of_chains(wake: object, namespaces: Collection[str] | None) -> Iterator[Contradiction]:
    """Find functions that are to start together and cannot be of one tenant.

    Args:
        wake: what a document says of it.
        namespaces: the tenant's; None: which they are may change at any time, so naming one is no mistake.
    """
    if not isinstance(wake, WakeRule) or namespaces is None:
        return
    for position, name in enumerate(wake.with_):
        namespace, _, _ = name.rpartition("/")
        if namespace and namespace not in namespaces:
            wrong = f"is {shown(name)}, in a namespace that this tenant does not have"
            allowed = f"NAME, or NAMESPACE/NAME in {', '.join(sorted(namespaces)) or 'a namespace of its own'}"
            yield Contradiction(f"wake.with[{position}]", "namespaces", wrong, allowed)


def queries_of(metrics: Collection[object]) -> set[str]:
    """Give every PromQL text of metrics."""
    return {text for metric in metrics for _, text in _queries(metric)}


def _queries(metric: object) -> Iterator[tuple[str, str]]:
    if isinstance(metric, Metric):
        named = {"query": metric.query, "activity": metric.activity}
        yield from ((name, text) for name, text in named.items() if text is not None)


def _of_bounds(fields: Fields) -> Iterator[Contradiction]:
    least, most = fields["replicas.min"], fields["replicas.max"]
    if most.number < least.number:
        yield _above(least, "replicas.min", "min", least.number, most)
    for name in ("activation", "initial"):
        start = fields[f"replicas.{name}"]
        # A maximum of 0 switches a function off, whatever else is said.
        if 0 < most.number < start.number:
            yield _above(start, f"replicas.{name}", name, start.number, most)
    fallback = fields["fallback"].value
    if isinstance(fallback, Fallback) and fallback.replicas is not None and 0 < most.number < fallback.replicas:
        yield _above(fields["fallback"], "fallback", "replicas of fallback", fallback.replicas, most)
    for position, schedule in enumerate(fields["schedules"].of(list)):
        floor = schedule.min if isinstance(schedule, Schedule) else None
        if floor is not None and 0 < most.number < floor:
            yield _above(fields["schedules"], "schedules", f"min of schedules[{position}]", floor, most)


def _above(said: Said, path: str, name: str, number: float, most: Said) -> Contradiction:
    wrong = f"{name} {number:g} ({said.origin}) is above max {most.value} ({most.origin})"
    return Contradiction(path, "replicas.max", wrong, f"{name.split(maxsplit=1)[0]} up to max")


def _of_concurrency(fields: Fields) -> Iterator[Contradiction]:
    limit, cap = fields["concurrencyLimit"], fields["concurrencyCap"]
    if cap.value is not None and limit.value is None:
        wrong = f"concurrencyCap {cap.value} ({cap.origin}) has no concurrencyLimit, so it is no number of replicas"
        yield Contradiction("concurrencyCap", "concurrencyLimit", wrong, "both, or no concurrencyCap")
    elif 0 < cap.number < limit.number:
        wrong = (
            f"concurrencyCap {cap.value} ({cap.origin}) is below concurrencyLimit {limit.value} ({limit.origin}): "
            "not even one replica fits"
        )
        yield Contradiction("concurrencyCap", "concurrencyLimit", wrong, "0, or concurrencyLimit and more")


def _of_windows(fields: Fields) -> Iterator[Contradiction]:
    stable, panic = fields["windows.stable"], fields["windows.panic"]
    # Where nobody says it, the panic window follows a short stable one.
    if stable.number <= panic.number and panic.value is not None and not panic.is_built_in:
        wrong = (
            f"panic {panic.number:g}s ({panic.origin}) is no shorter than stable {stable.number:g}s ({stable.origin})"
        )
        yield Contradiction("windows.panic", "windows.stable", wrong, "panic below stable, or null: no panic")


def _of_zero(fields: Fields) -> Iterator[Contradiction]:
    zero = fields["zero"]
    if zero.value is None:
        return
    for metric in fields["metrics"].of(list):
        if isinstance(metric, Metric) and metric.query is not None and metric.activity is None:
            wrong = (
                f"zero ({zero.origin}) is never proven: a query of metrics ({fields['metrics'].origin}) has no activity"
            )
            yield Contradiction("metrics", "zero", wrong, "an activity beside each query, or zero: null")
            return
