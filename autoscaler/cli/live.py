"""`autoscaler check --live`: asks the sources and the cluster, and has the answers judged."""

import asyncio
import math
import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from autoscaler.adapters.prometheus.answers import Series
from autoscaler.adapters.prometheus.errors import AnswerError, SourceError
from autoscaler.adapters.prometheus.layout import rows_of
from autoscaler.adapters.prometheus.survey import Survey
from autoscaler.cli.surveying import Surveyed, survey
from autoscaler.core.columns import Bools
from autoscaler.core.fleet import FunctionKey
from autoscaler.policy import live_checks, live_functions
from autoscaler.policy.chains import chain_findings
from autoscaler.policy.compile import Compiler
from autoscaler.policy.finding import NOBODY, Finder
from autoscaler.policy.live_checks import Finding, GatewayAnswers, Heard
from autoscaler.policy.live_functions import Running
from autoscaler.policy.live_scrapes import label_findings
from autoscaler.policy.plan import Plan
from autoscaler.policy.profiles import SIGNAL_LABEL, Profile, SignalName, profiles_of
from autoscaler.policy.settings import Settings
from autoscaler.policy.source_settings import GatewaySettings, SourceSettings

_OF_FUNCTIONS = frozenset({"moved", "born", "alive"})
"""Kinds of series in the answer of query `proof` that name functions."""
_MOST_JOBS = 10
_MOST_QUERIES = 100
"""Distinct queries of tenants that are tried; the daemon asks all of them."""


@dataclass(slots=True)
class _Loads:
    """What all sources say of functions together: gateways that serve one function add up."""

    concurrency: dict[FunctionKey, float] = field(default_factory=lambda: defaultdict(float))
    in_flight: dict[FunctionKey, float] = field(default_factory=lambda: defaultdict(float))

    def add(self, heard: Mapping[SignalName, Heard], served: Collection[FunctionKey]) -> None:
        """Take over what one gateway says of the functions it serves."""
        _add(self.concurrency, heard.get("concurrency"), served)
        _add(self.in_flight, heard.get("in_flight"), served)


def _add(sums: dict[FunctionKey, float], heard: Heard | None, served: Collection[FunctionKey]) -> None:
    for key, value in heard.loads.items() if heard is not None else ():
        if key in served and math.isfinite(value):
            sums[key] += value


async def look(settings: Settings, files: Mapping[str, str]) -> list[Finding]:
    """Ask everything there is to ask, and give everything that is not so.

    Args:
        files: text of each policy document by name.
    """
    surveyed = await survey(settings, files)
    plan = Compiler(settings.pools).compile(
        surveyed.policies, [reading.deployed for reading in surveyed.readings], time.time()
    )
    running = _running(surveyed, plan)
    asked = [_Asked.of(name, source, plan) for name, source in settings.sources.items()]
    answers = await asyncio.gather(*(asyncio.to_thread(_ask, one) for one in asked))
    found = [_of_cluster(path, why) for path, why in surveyed.problems.items()]
    loads = _Loads()
    for one, told in zip(asked, answers, strict=True):
        found += _of_source(one, told, running, loads)
    found += live_functions.cap_findings(plan, running, loads.concurrency, loads.in_flight)
    return [*found, *live_functions.linger_findings(plan, running), *chain_findings(plan)]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What one source is asked.

    Attributes:
        name: of the source.
        keys: functions of its tenants.
        serves: `(gateways, keys) bool`, whom each gateway serves.
        queries: distinct queries of tenants: tenant, text as it is told, text as it is asked.
    """

    name: str
    source: SourceSettings
    keys: tuple[FunctionKey, ...]
    serves: Bools
    queries: tuple[tuple[str, str, str], ...]

    @classmethod
    def of(cls, name: str, source: SourceSettings, plan: Plan) -> "_Asked":
        """Give what a source is asked about a plan's functions."""
        rows = rows_of(plan, name)
        tenants = [plan.fleet.tenants[tenant] for tenant in plan.fleet.tenant[rows].tolist()]
        serves = [[bool({"*", tenant} & set(gateway.tenants)) for tenant in tenants] for gateway in source.gateways]
        keys = tuple(plan.fleet.keys[row] for row in rows.tolist())
        return cls(
            name,
            source,
            keys,
            np.array(serves, np.bool_).reshape(len(source.gateways), len(keys)),
            _queries(plan, name),
        )

    def served(self, position: int) -> frozenset[FunctionKey]:
        """Give the functions that a gateway serves."""
        return frozenset(self.keys[row] for row in np.flatnonzero(self.serves[position]).tolist())


@dataclass(slots=True)
class _Told:
    """What one source answered.

    Attributes:
        error: why it cannot be asked at all; None: it can.
        gateways: of each gateway, in the order of the settings.
        queries: of each query of a tenant, by tenant and text.
        configuration: of the server, YAML; None: it does not tell.
    """

    error: str | None = None
    gateways: list[GatewayAnswers] = field(default_factory=list)
    queries: dict[tuple[str, str], Heard] = field(default_factory=dict)
    configuration: str | None = None


def _ask(asked: _Asked) -> _Told:
    """Ask one source everything; blocks. What it cannot answer is told, what it cannot be asked ends it."""
    told = _Told()
    try:
        profiles = profiles_of(asked.source)
    except ValueError:
        return told  # `match` is no selector, which is a problem of the settings
    try:
        with Survey(asked.source) as asking:
            for position, profile in enumerate(profiles):
                told.gateways.append(_of_gateway(asking, asked, position, profile))
            for tenant, text, confined in asked.queries:
                told.queries[tenant, text] = _answered(asking, confined)
            told.configuration = asking.configuration()
    except SourceError as error:
        told.error = str(error)
    return told


def _of_gateway(asking: Survey, asked: _Asked, position: int, profile: Profile) -> GatewayAnswers:
    gateway = asked.source.gateways[position]
    targets = asking.ask(live_checks.targets_query(gateway))
    if not targets:
        jobs = [str(one["metric"].get("job", "")) for one in asking.ask("count by (job) (up)")]
        return GatewayAnswers(0, jobs=tuple(sorted(filter(None, jobs))[:_MOST_JOBS]))
    text = live_checks.metrics_query(gateway)
    metrics = {str(one["metric"].get("__name__")) for one in asking.ask(text)} if text is not None else ()
    finder = Finder(profile, {str(key): row for row, key in enumerate(asked.keys)}, asked.serves[position])
    return GatewayAnswers(
        targets=len(targets),
        down=sum(_number(one) == 0 for one in targets),
        interval_s=_interval_s(asking, gateway, asked.source),
        labels=profile.labels,
        metrics=frozenset(metrics),
        heard={query.name: _heard(asking, query.text, profile, finder, asked.keys) for query in profile.queries},
    )


def _interval_s(asking: Survey, gateway: GatewaySettings, source: SourceSettings) -> float | None:
    """Give how far apart scrapes are; None: too few to tell."""
    for intervals in live_checks.STRETCHES:
        found = asking.ask(live_checks.interval_query(gateway, source, intervals))
        if found:
            return _number(found[0])
    return None


def _heard(asking: Survey, text: str, profile: Profile, finder: Finder, keys: Sequence[FunctionKey]) -> Heard:
    """Ask one of a profile's queries; of an answer with kinds of series those that name functions count."""
    try:
        series = asking.ask(text)
    except AnswerError as error:
        return Heard(str(error))
    series = [one for one in series if one["metric"].get(SIGNAL_LABEL, "moved") in _OF_FUNCTIONS]
    loads: dict[FunctionKey, float] = defaultdict(float)
    unclear: set[FunctionKey] = set()
    for one in series:
        place = finder.place(one["metric"])
        if place > NOBODY:
            loads[keys[place]] += _number(one)
        elif place < NOBODY:
            unclear |= {keys[row] for row in finder.meant(place)}
    unnamed = sum(not profile.readings(one["metric"]) for one in series)
    return Heard(None, loads, len(series), unnamed, frozenset(unclear))


def _answered(asking: Survey, text: str) -> Heard:
    try:
        return Heard(series=len(asking.ask(text)))
    except AnswerError as error:
        return Heard(str(error))


def _number(series: Series) -> float:
    try:
        return float(series["value"][1])
    except (KeyError, IndexError, TypeError, ValueError):
        return math.nan


def _running(surveyed: Surveyed, plan: Plan) -> dict[FunctionKey, Running]:
    """Give the functions of tenants, as the cluster has them."""
    return {
        one.deployed.key: Running(one.deployed, max(one.requested, one.ready))
        for one in surveyed.readings
        if one.deployed.key in plan.fleet.row_of
    }


def _queries(plan: Plan, source: str) -> tuple[tuple[str, str, str], ...]:
    fleet = plan.fleet
    found: dict[tuple[str, str, str], None] = {}
    for lane, planned in enumerate(plan.queries):
        tenant = fleet.tenants[fleet.tenant[fleet.others.rows[lane]]]
        if planned is None or plan.tenants[tenant].source != source:
            continue
        found[tenant, fleet.others.names[lane], planned.query] = None
        if planned.activity is not None:
            found[tenant, f"activity of {fleet.others.names[lane]}", planned.activity] = None
    return tuple(found)[:_MOST_QUERIES]


def _of_cluster(path: str, why: str) -> Finding:
    lost = "Functions are not looked at: what runs, what its pods are told, and whether any series names it."
    return live_checks.unreachable(path, why, lost)


def _of_source(asked: _Asked, told: _Told, running: Mapping[FunctionKey, Running], loads: _Loads) -> Iterator[Finding]:
    """Judge what a source answered, as far as it answered."""
    path, source = f"sources.{asked.name}", asked.source
    if told.error is not None:
        lost = "Every load of its tenants is unknown: nothing is lowered, and nothing goes to zero."
        yield live_checks.unreachable(f"{path}.url", told.error, lost)
    seen, served_at_all, has_alive = set[FunctionKey](), set[FunctionKey](), True
    for position, gateway in enumerate(source.gateways):
        place, served = f"{path}.gateways[{position}]", asked.served(position)
        yield from live_functions.grace_findings(place, gateway, (running[key] for key in served & running.keys()))
        if position >= len(told.gateways):
            continue
        answers, profile = told.gateways[position], profiles_of(source)[position]
        if profile.is_per_pod:
            # A function at zero has no pod to scrape, and where all are there is no target.
            served = frozenset(key for key in served if key not in running or running[key].replicas)
        if answers.targets or served or not profile.is_per_pod:
            yield from live_checks.gateway_findings(place, gateway, source, answers)
        if answers.targets:
            loads.add(answers.heard, served)
            served_at_all |= served
            seen |= served & {key for heard in answers.heard.values() for key in heard.loads}
            has_alive = has_alive and profile.has_alive
    if told.error is None:
        yield from live_functions.unseen_findings(served_at_all, seen, path, has_alive)
    yield from label_findings(path, source, told.configuration)
    for (tenant, text), heard in told.queries.items():
        yield from live_checks.query_findings(tenant, text, heard)
