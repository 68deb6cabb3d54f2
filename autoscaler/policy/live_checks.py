"""What is not so, judged by what a Prometheus answers now: gateways, their scrapes, metrics and queries.

Pure: here stands what to ask, and what the answers mean; who asks is elsewhere.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.claims import SETTINGS
from autoscaler.policy.problems import Problem, shown
from autoscaler.policy.profiles import CATALOG, SignalName, matchers
from autoscaler.policy.quantities import format_duration
from autoscaler.policy.source_settings import GatewaySettings, SourceSettings

STRETCHES = (12, 48)
"""Scrape intervals that are looked at: one of twelve that was lost moves their mean by a twelfth. Where there are not
two scrapes in the first stretch, the second is looked at."""
_LONGER = 1.25
"""By so much the mean may be above what is said before it is called longer."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not so.

    Attributes:
        problem: what, where, and what is allowed; its code says which kind it is.
        lost: what cannot work meanwhile, a sentence; "": that is said already.
        functions: which functions it is about; none: it is about a gateway, source or cluster.
        is_warning: it may be as it is meant; nothing is lost by it for sure.
    """

    problem: Problem
    lost: str = ""
    functions: tuple[FunctionKey, ...] = ()
    is_warning: bool = False


@dataclass(frozen=True, slots=True)
class Heard:
    """What one of a profile's queries came to.

    Attributes:
        error: why there is no answer; None: there is one.
        loads: value of each known function that its series name.
        series: series in it, those that say nothing about a function left out.
        unnamed: those of them that name no function at all: labels that they lack, or a pattern that does not fit.
        unclear: functions of which some series may mean one or another; those count for none of them.
    """

    error: str | None = None
    loads: Mapping[FunctionKey, float] = field(default_factory=dict)
    series: int = 0
    unnamed: int = 0
    unclear: frozenset[FunctionKey] = frozenset()


@dataclass(frozen=True, slots=True)
class GatewayAnswers:
    """What a source says of one gateway.

    Attributes:
        targets: targets that `match` finds.
        down: those of them that are not up.
        interval_s: mean distance of scrapes, of the target with the longest; None: too few to tell.
        labels: labels by which its series name functions.
        metrics: metrics of the profile that have a series.
        heard: what each query of the profile came to.
        jobs: jobs that this Prometheus scrapes at all, where `match` finds no target.
    """

    targets: int
    down: int = 0
    interval_s: float | None = None
    labels: tuple[str, ...] = ()
    metrics: frozenset[str] = frozenset()
    heard: Mapping[SignalName, Heard] = field(default_factory=dict)
    jobs: tuple[str, ...] = ()


def targets_query(gateway: GatewaySettings) -> str:
    """Ask for the state of each target."""
    return f"up{{{matchers(gateway.match)}}}"


def interval_query(gateway: GatewaySettings, source: SourceSettings, intervals: int) -> str:
    """Ask how far apart scrapes were of late, on average; every scrape, failed or not, has a sample of `up`.

    Args:
        intervals: so many of those that the settings say are looked at.
    """
    step, stretch = format_duration(source.scrape_interval / 2), format_duration(intervals * source.scrape_interval)
    times = f"timestamp(up{{{matchers(gateway.match)}}})[{stretch}:{step}]"
    return f"max((max_over_time({times}) - min_over_time({times})) / (changes({times}) > 1))"


def metrics_query(gateway: GatewaySettings) -> str | None:
    """Ask which of the profile's metrics there are; None: it has none of its own."""
    known = CATALOG.get(gateway.profile)
    if known is None:
        return None
    names = "|".join(needed.metric for needed in known.needed)
    own = matchers(gateway.match)
    return f'count by (__name__) ({{__name__=~"{names}"{"," if own else ""}{own}}})'


def gateway_findings(
    path: str, gateway: GatewaySettings, source: SourceSettings, told: GatewayAnswers
) -> list[Finding]:
    """Judge one gateway: targets, scrapes, metrics and queries.

    Args:
        path: its place in the settings.
    """
    if not told.targets:
        return [_no_target(path, gateway, told)]
    found = [*_down(path, told), *_interval(path, source, told)]
    return [*found, *_metrics(path, gateway, told), *_queries(path, gateway, told), *_names(path, gateway, told)]


def _no_target(path: str, gateway: GatewaySettings, told: GatewayAnswers) -> Finding:
    jobs = ", ".join(told.jobs) or "none"
    wrong = f"finds no target: there is no series {targets_query(gateway)}"
    allowed = f"labels of targets that this Prometheus scrapes; its jobs are {jobs}"
    return Finding(
        Problem(SETTINGS, None, f"{path}.match", wrong, allowed, "NoTarget"), "Every load of this gateway is unknown."
    )


def _down(path: str, told: GatewayAnswers) -> Iterator[Finding]:
    if told.down:
        wrong = f"finds {told.targets} targets, of which {told.down} cannot be scraped"
        problem = Problem(SETTINGS, None, f"{path}.match", wrong, "targets that are up", "TargetDown")
        yield Finding(problem, "Loads that need them are lower bounds: nothing is lowered by them.")


def _interval(path: str, source: SourceSettings, told: GatewayAnswers) -> Iterator[Finding]:
    said_s = source.scrape_interval
    if told.interval_s is None or told.interval_s <= _LONGER * said_s:
        return
    source_path = path.partition(".gateways[")[0]
    real = format_duration(round(told.interval_s, 1 if told.interval_s < 10 else 0))
    wrong = f"says {format_duration(said_s)}, but targets of {path} are scraped every {real}"
    allowed = f"{real} here and a range of 4 × that, or that interval in the Prometheus"
    if 2 * told.interval_s > source.range_s:
        lost = f"Within a range of {format_duration(source.range_s)} there are not two scrapes: no rate is ever known."
    else:
        lost = "No range is wholly covered: every load is a lower bound, and nothing is lowered or goes to zero."
    yield Finding(Problem(SETTINGS, None, f"{source_path}.scrapeInterval", wrong, allowed, "ScrapedTooSeldom"), lost)


def _metrics(path: str, gateway: GatewaySettings, told: GatewayAnswers) -> Iterator[Finding]:
    """Judge metrics; of a gateway that is known by another one, a counter may be missing since nobody has called yet."""
    known = CATALOG.get(gateway.profile)
    if known is None:
        return
    is_known = any(needed.metric in told.metrics for needed in known.needed if needed.metric not in known.starts)
    others = ", ".join(sorted(CATALOG.keys() - {known.name}))
    for needed in known.needed:
        if needed.metric in told.metrics:
            continue
        is_warning = is_known or not needed.is_essential
        allowed = "a gateway that exports it (see docs/gateways); a counter is there from the first call on"
        if not is_warning:
            allowed += f"; or another profile: {others}, custom"
        wrong = f"is {known.name}, but its targets have no series {needed.metric} ({needed.for_what})"
        problem = Problem(SETTINGS, None, f"{path}.profile", wrong, allowed, "SeriesMissing")
        yield Finding(problem, _sentence(needed.without_it), is_warning=is_warning)


def _queries(path: str, gateway: GatewaySettings, told: GatewayAnswers) -> Iterator[Finding]:
    """Judge queries: those of a known profile can only be refused; somebody's own may also be wrong."""
    own = gateway.profile == "custom"
    tells_nothing = {"proof"} if gateway.queries is None or gateway.queries.activity is None else set()
    for name, heard in told.heard.items():
        place = f"{path}.{_field(name) if own else 'profile'}"
        if heard.error is not None:
            problem = Problem(
                SETTINGS, None, place, f"has no answer: {heard.error}", "PromQL that answers", "QueryFails"
            )
            yield Finding(problem, f"{_SIGNALS[name]} of its functions is unknown.")
        elif own and not heard.series and name not in tells_nothing:
            wrong, allowed = "gives no series", "one series for each function"
            problem = Problem(SETTINGS, None, place, wrong, allowed, "QueryEmpty")
            yield Finding(problem, f"{_SIGNALS[name]} of its functions is unknown.")


def _names(path: str, gateway: GatewaySettings, told: GatewayAnswers) -> Iterator[Finding]:
    """Judge how series name functions, once for all queries: each has the same labels, or lacks them."""
    answered = [heard for heard in told.heard.values() if heard.series]
    worst = max(answered, key=lambda heard: heard.unnamed, default=None)
    if worst is not None and worst.unnamed:
        allowed = (
            f"labels that say both (read are {', '.join(told.labels)}), or namespaceLabel, functionLabel and names"
        )
        if gateway.profile == "openfaas":
            allowed = "NAME.NAMESPACE in function_name, or defaultNamespace for names that have none"
        wrong = f"has {worst.series} series in an answer, of which {worst.unnamed} name no function"
        problem = Problem(SETTINGS, None, f"{path}.functionLabel", wrong, allowed, "LabelsMissing")
        # A gateway also counts what goes to no function; where none has a name something is wrong for sure.
        is_warning = gateway.profile != "custom" and worst.unnamed < worst.series
        yield Finding(problem, "Those series count for nobody.", is_warning=is_warning)
    unclear = tuple(sorted(frozenset[FunctionKey]().union(*(heard.unclear for heard in answered))))
    if unclear:
        wrong, allowed = "some series may mean one of these functions or another", "names that can be told apart"
        problem = Problem(SETTINGS, None, f"{path}.names", wrong, allowed, "NameUnclear")
        yield Finding(problem, "Those series count for none of them, so their loads are too low.", unclear)


_SIGNALS: Mapping[SignalName, str] = {
    "rate": "The request rate",
    "concurrency": "The concurrency",
    "in_flight": "The number of requests in flight",
    "proof": "Whether silence is known silence",
}


def _sentence(phrase: str) -> str:
    return f"{phrase[:1].upper()}{phrase[1:].rstrip('.')}."


def _field(name: SignalName) -> str:
    return {"in_flight": "queries.inFlight", "proof": "queries.activity"}.get(name, f"queries.{name}")


def query_findings(tenant: str, text: str, heard: Heard) -> Iterator[Finding]:
    """Judge a tenant's own query, by what it answers now."""
    place = f"query {shown(text)}"
    if heard.error is not None:
        problem = Problem(
            f"tenant {tenant}", None, place, f"has no answer: {heard.error}", "PromQL that answers", "QueryFails"
        )
        yield Finding(problem, "What it measures is unknown.")
    elif not heard.series:
        problem = Problem(
            f"tenant {tenant}",
            None,
            place,
            "gives no series",
            "one number, or one series for each function",
            "QueryEmpty",
        )
        yield Finding(problem, "What it measures is unknown.")


def unreachable(path: str, why: str, lost: str) -> Finding:
    """Say that a source or the cluster cannot be asked."""
    code = "SourceUnreachable" if path.startswith("sources.") else "ClusterUnreachable"
    allowed = "one that answers, and credentials that it takes"
    return Finding(Problem(SETTINGS, None, path, f"cannot be asked: {why}", allowed, code), lost)
