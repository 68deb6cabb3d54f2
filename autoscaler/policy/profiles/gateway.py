"""A gateway as a value: which metrics it has, what they mean, and how their labels name functions."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from autoscaler.policy.profiles.queries import (
    SignalQuery,
    coverage,
    deaf,
    either,
    from_before,
    joined,
    matchers,
    pod_coverage,
    process_starts,
    selected,
)
from autoscaler.policy.quantities import format_duration
from autoscaler.policy.source_settings import SourceSettings


@dataclass(frozen=True, slots=True)
class Needed:
    """A metric that a profile reads.

    Attributes:
        metric: its name.
        for_what: what it is read for, a phrase.
        without_it: what cannot be known without it, a sentence.
        is_essential: whether nothing at all is known without it.
    """

    metric: str
    for_what: str
    without_it: str
    is_essential: bool = False


@dataclass(frozen=True, slots=True)
class Gateway:
    """What a kind of gateway exports; one counter of requests, and what else it has.

    Attributes:
        name: of the profile.
        title: what people call it, with the versions that have these metrics.
        signs: metrics by which it is recognised; the first is the one that must be there.
        needed: metrics that are read.
        counter: counts requests, one series or more for each function.
        counts_at_start: whether a request is counted when it begins; else when it ends, and a long one moves nothing.
        gauges: requests in flight are their sum, at each scrape; none: they are not known.
        drains: whether requests may go on unseen: in a process or replica that was replaced and ends its calls, or
            counted where nothing is read.
        starts: metrics whose value is a time at which the process, or what it was told to do, began.
        uptimes: metrics whose value is how long the process has run.
        only: labels that the gateway's own series must have, besides the settings' `match`.
        namespace_label: label with the namespace; None: the name's label holds it (`names`, or as OpenFaaS does).
        function_label: label with the function's name.
        default_names: how that label's value holds names, as `NamePattern` reads it; None: it is the name.
        alive: a metric that every function the gateway knows has, called or not; None: there is none.
        heartbeat: a counter of lines that somebody has written to the log at least once a scrape, so that a log that is
            not written, or not read, is told from silence; None: what counts requests is no log.
        is_per_pod: whether targets are the functions' own pods.
    """

    name: str
    title: str
    signs: tuple[str, ...]
    needed: tuple[Needed, ...]
    counter: str
    counts_at_start: bool = False
    gauges: tuple[str, ...] = ()
    drains: bool = False
    starts: tuple[str, ...] = ("process_start_time_seconds",)
    uptimes: tuple[str, ...] = ()
    only: Mapping[str, str] = field(default_factory=dict)
    namespace_label: str | None = "namespace"
    function_label: str = "function"
    default_names: str | None = None
    alive: str | None = None
    heartbeat: str | None = None
    is_per_pod: bool = False

    @property
    def has_in_flight(self) -> bool:
        """Whether requests in flight are known; without, zero needs silence for longer than the longest request."""
        return bool(self.gauges)

    @property
    def has_alive(self) -> bool:
        """Whether the gateway names functions that nobody ever called."""
        return self.alive is not None

    def stored(self, label: str) -> tuple[str, ...]:
        """Give the names that a label of its page may have in Prometheus: where the target has one of that name already,
        the page's is called `exported_…`. A profile per pod means the target's own.
        """
        return (label,) if self.is_per_pod else (f"exported_{label}", label)

    def queries(
        self, match: Mapping[str, str], source: SourceSettings, labels: tuple[str, ...]
    ) -> tuple[SignalQuery, ...]:
        """Write the queries.

        A counter has a series for each code, method and instance, and each is born with its first request, so what
        moved and what was born are told series by series: a function's first 500 is no increase of any series.

        Args:
            labels: those that name a function.
        """
        target, own = matchers(match), matchers(self.only)
        counter, by = selected(self.counter, (own, target)), ", ".join(labels)
        range_, longer = format_duration(source.range_s), from_before(source)
        kinds = {
            "moved": f"sum by ({by}) ({counter} - {counter} offset {range_})",
            "born": f"sum by ({by}) ({counter} unless {counter} offset {range_})",
        }
        if self.alive is not None:
            kinds["alive"] = f"sum by ({by}) ({selected(self.alive, (own, target))})"
        starts = [process_starts(target, longer, metric) for metric in self.starts]
        starts += [f"resets({selected(metric, (target,))}[{longer}])" for metric in self.uptimes]
        went_back = f"resets({counter}[{longer}])"
        if self.is_per_pod:
            kinds |= pod_coverage(target, source, labels)
            restarts = either([f"{one} > 0" for one in (went_back, *starts)])
            kinds["resets"] = f"sum by ({by}) ({restarts})"
        else:
            kinds |= coverage(target, source)
            kinds["resets"] = f"max({either(starts)})"
            kinds["went_back"] = f"sum by ({by}) ({went_back} > 0)"
        if self.heartbeat is not None:
            kinds["deaf"] = deaf(self.heartbeat, target, source)
        return (
            SignalQuery("rate", f"sum by ({by}) (rate({counter}[{range_}]))"),
            *self._gauge_queries(target, own, range_, by),
            SignalQuery("proof", joined(kinds)),
        )

    def _gauge_queries(self, target: str, own: str, range_: str, by: str) -> tuple[SignalQuery, ...]:
        if not self.gauges:
            return ()
        gauges = [selected(gauge, (own, target)) for gauge in self.gauges]
        now = " + ".join(f"sum by ({by}) ({gauge})" for gauge in gauges)
        summed = " + ".join(f"sum by ({by}) (sum_over_time({gauge}[{range_}]))" for gauge in gauges)
        scrapes = f"scalar(max(count_over_time(up{{{target}}}[{range_}])))"
        return SignalQuery("concurrency", f"({summed}) / {scrapes}"), SignalQuery("in_flight", now)
