"""A span of a Prometheus's past as the daemon would have seen it: which functions there were, and their loads.

Gateways are known by their series, as `init` knows them; loads are read by the profiles, as a start of the daemon reads them.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import numpy as np

from autoscaler.adapters.prometheus import PrometheusLoads
from autoscaler.adapters.prometheus.answers import Series
from autoscaler.adapters.prometheus.counters import Counted, read_counts
from autoscaler.adapters.prometheus.errors import SourceError
from autoscaler.adapters.prometheus.spans import read_span
from autoscaler.adapters.prometheus.survey import Survey
from autoscaler.cli.errors import NotSo, WrongConfiguration
from autoscaler.cli.looking import sightings
from autoscaler.core.columns import Floats
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.now import Now
from autoscaler.core.observation import Load
from autoscaler.policy.compile import Compiler
from autoscaler.policy.deployment import Deployed
from autoscaler.policy.functions import OPENFAAS_MARKER
from autoscaler.policy.loading import load
from autoscaler.policy.plan import Plan
from autoscaler.policy.source_settings import SourceSettings
from autoscaler.policy.starting.choosing import DEFAULT_INTERVAL_S, choose
from autoscaler.policy.starting.sighting import Read, named_in

LOOKS = 8
"""Moments of a span at which its functions are looked for: one that lived for less than an eighth of it may be missed."""

CELLS = 4_000_000
"""Functions times moments that are held at once: seven columns of 8 bytes each, 220 MB."""

BEFORE_S = 900.0
"""What is read before each stretch of a long span, so that what silence proves goes on across its beginning."""

REPLICAS = (
    'max by (namespace, deployment) (kube_deployment_spec_replicas{namespace=~"%s"})',
    "max by (function_name) (gateway_service_count)",
)
"""Who knows how many replicas there were: kube-state-metrics, else OpenFaaS's gateway."""


@dataclass(frozen=True, slots=True, eq=False)
class Replicas:
    """How many replicas there were over a span.

    Attributes:
        step_s: length of a step.
        of: `(steps,) float64` at the end of each step, nan where it is not known; by function, where anybody knows it.
    """

    step_s: int
    of: Mapping[FunctionKey, Floats]

    def at(self, keys: Iterable[FunctionKey], after_s: float) -> Floats:
        """Give `(functions,) float64` replicas some seconds after the beginning; nan: not known."""
        place = int(after_s // self.step_s) - 1
        found = [self.of[key][max(place, 0)] if key in self.of else np.nan for key in keys]
        return np.array(found, np.float64)


@dataclass(frozen=True, slots=True)
class PrometheusSpan:
    """What a Prometheus has of a span.

    Attributes:
        settings: the source, with the gateways that were found.
        keys: the functions that its series name, sorted.
        start_s: its beginning, UTC seconds.
        end_s: its end.
        gateways: profile and job of each gateway.
        cells: functions times moments that are held at once.
    """

    settings: SourceSettings
    keys: tuple[FunctionKey, ...]
    start_s: int
    end_s: int
    gateways: tuple[str, ...]
    cells: int = CELLS

    @classmethod
    def find(
        cls,
        url: str,
        fields: Mapping[str, object],
        start_s: int,
        end_s: int,
        namespaces: Collection[str] | None = None,
    ) -> "PrometheusSpan":
        """Look which gateways there were, and which functions their series name.

        Args:
            url: base URL.
            fields: further settings of the source.
            namespaces: functions of these alone; None: of all.

        Raises:
            WrongConfiguration: it cannot be asked.
            NotSo: no gateway is known, or no function is named.
        """
        base = {"url": url, **fields}
        asked = SourceSettings.model_validate({**base, "gateways": [{"profile": "openfaas"}]})
        try:
            reads, keys, interval_s = _found(asked, start_s, end_s, namespaces)
        except SourceError as error:
            allowed = "the base URL of a Prometheus that answers from here, and a span that it still has"
            raise WrongConfiguration(f"--prometheus {url}: {error}; allowed: {allowed}") from None
        if not reads:
            raise NotSo(f"No gateway with a profile has series in {url} within this span.")
        if not keys:
            raise NotSo(f"No series of {reads[0].profile} names a function of these namespaces within this span.")
        document = {**base, "scrapeInterval": f"{interval_s:g}s", "gateways": [one.settings() for one in reads]}
        names = tuple(f"{one.profile} (job {one.sighting.job})" for one in reads)
        return cls(SourceSettings.model_validate(document), tuple(sorted(keys)), start_s, end_s, names)

    @property
    def deployed(self) -> tuple[Deployed, ...]:
        """The functions as Deployments of which nothing more is known."""
        return tuple(Deployed(key, f"uid-{key}", {OPENFAAS_MARKER: key.name}, {}) for key in self.keys)

    async def moments(self, plan: Plan, every_s: float, within_s: float) -> AsyncIterator[tuple[Now, Load]]:
        """Read what ticks would have seen, oldest first; monotonic seconds count from the beginning of the span.

        Args:
            plan: of the functions.
            every_s: distance of ticks; between two scrapes the earlier one stands. 0: scrapes alone.
            within_s: longest that reading the whole span may take.

        Raises:
            WrongConfiguration: it does not answer.
        """
        sources = {one.source or "main": self.settings for one in plan.tenants.values()}
        distance_s = min(every_s or np.inf, self.settings.scrape_interval)
        length_s = max(self.cells / max(len(self.keys), 1) * distance_s, 4 * BEFORE_S)
        begins = np.arange(self.start_s, self.end_s, length_s).tolist()
        for begin_s in begins:
            end_s = min(begin_s + length_s, self.end_s)
            reach_s = end_s - begin_s + (BEFORE_S if begin_s > self.start_s else 0.0)
            now = Now(end_s - self.start_s, end_s)
            async with _reading(sources) as loads:
                share_s = within_s * (end_s - begin_s) / (self.end_s - self.start_s)
                past = await loads.past(
                    plan, now, reach_s=reach_s, within_s=share_s, every_s=every_s, fine_s=reach_s if every_s else 0.0
                )
                for name, why in past.problems.items():
                    raise WrongConfiguration(f"Source {name} gave no whole answer: {why}")
                for at, one in past.moments:
                    if at.utc_s > begin_s or begin_s == self.start_s:
                        yield at, one

    def counts(self, within_s: float) -> Counted:
        """Read what every function was asked for, a step for each scrape.

        Args:
            within_s: longest that it may take.

        Raises:
            WrongConfiguration: it does not answer.
        """
        try:
            return read_counts(self.settings, self.keys, self.start_s, self.end_s, within_s)
        except SourceError as error:
            raise WrongConfiguration(f"What was counted in this span is not answered: {error}") from None

    def plan(self) -> Plan:
        """Give a plan under the built-in defaults: a tenant for each namespace."""
        texts = {
            namespace: f"apiVersion: autoscaler.faas.dev/v1alpha1\nkind: Tenant\nmetadata: {{name: {namespace}}}\n"
            f"spec: {{namespaces: [{namespace}]}}\n"
            for namespace in {key.namespace for key in self.keys}
        }
        return Compiler({}).compile(load(texts), self.deployed, float(self.start_s))

    def replicas(self) -> Replicas:
        """Ask how many replicas there were; of whom nobody says it is not among them.

        Raises:
            WrongConfiguration: it does not answer.
        """
        step_s = max(1, round(self.settings.scrape_interval))
        end_s = self.start_s + (self.end_s - self.start_s) // step_s * step_s
        namespaces = "|".join(sorted({key.namespace for key in self.keys}))
        for query in REPLICAS:
            try:
                series = read_span(self.settings, query.replace("%s", namespaces), self.start_s, end_s, step_s)
            except SourceError as error:
                raise WrongConfiguration(f"How many replicas there were is not answered: {error}") from None
            known = {_named(one.labels): one.values for one in series}
            if of := {key: known[key] for key in self.keys if key in known}:
                return Replicas(step_s, of)
        return Replicas(step_s, {})


def _named(labels: Mapping[str, str]) -> FunctionKey:
    """Give whose replicas a series counts; a name of OpenFaaS's without a namespace is nobody's here."""
    if "deployment" in labels:
        return FunctionKey(labels.get("namespace", ""), labels["deployment"])
    name, _, namespace = labels.get("function_name", "").rpartition(".")
    return FunctionKey(namespace, name)


class _SurveyThen(Survey):
    """Asks everything as of a moment of the past."""

    def __init__(self, settings: SourceSettings, utc_s: float) -> None:
        super().__init__(settings)
        self._utc_s = utc_s

    def ask(self, promql: str, utc_s: float | None = None) -> list[Series]:
        """Ask an instant query as of that moment."""
        return super().ask(promql, self._utc_s if utc_s is None else utc_s)


def _found(
    asked: SourceSettings, start_s: int, end_s: int, namespaces: Collection[str] | None
) -> tuple[list[Read], set[FunctionKey], float]:
    """Give the gateways, the functions and the scrape interval; later looks add functions, and gateways that are new."""
    reads: dict[tuple[str, str], Read] = {}
    keys: set[FunctionKey] = set()
    interval_s = DEFAULT_INTERVAL_S
    for utc_s in np.linspace(end_s, start_s, LOOKS, endpoint=False).tolist():
        with _SurveyThen(asked, utc_s) as survey:
            there = list(sightings(survey))
        named = {key for one in there for key in named_in(one, namespaces)}
        start = choose(there, [Deployed(key, str(key), {}, {}) for key in sorted(named)], namespaces)
        for one in start.gateways:
            reads.setdefault((one.profile, one.sighting.job), one)
            keys |= one.functions
        interval_s = start.interval_s or interval_s
    return list(reads.values()), keys, interval_s


@asynccontextmanager
async def _reading(sources: Mapping[str, SourceSettings]) -> AsyncIterator[PrometheusLoads]:
    loads = PrometheusLoads(sources)
    try:
        await loads.start()
        yield loads
    finally:
        await loads.close()
