"""Gateway profiles: the PromQL that a gateway's metrics need, and how its series name functions.

A profile is a pure value. Per gateway at most four queries a tick, the same four for one function or
100,000. All of a tick's queries are sent with one and the same `time`, best a little before now (longer than
storing a scrape takes, at most an eighth of the scrape interval), so that a scrape that is still being stored
does not look missing.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.quantities import format_duration
from autoscaler.policy.source_settings import CustomQueries, GatewaySettings, SourceSettings

SignalName = Literal["rate", "concurrency", "in_flight", "proof"]
SIGNAL_LABEL = "signal"
"""Label that tells the kinds of series in the answer of query `proof` apart."""

STORING = "storing"
"""Kind of series that tells how long scrapes take, and so how far into the past a query has to look."""

NEWEST_WITHIN = 1.09
"""Scrape intervals from the end of a range within which a wholly covered range has a scrape.

Prometheus extrapolates a rate to an end of its range only where a sample is less than 1.1 mean gaps from it;
else the rate reads up to a quarter too low. A hundredth less leaves room for scrapes that come milliseconds
early or late. A query that looks an eighth of an interval into the past finds the newest scrape within 1.075
intervals as long as storing one takes no more than a fifth.
"""

OLDEST_WITHIN = 1.05
"""Scrape intervals from the beginning of a range within which a wholly covered range has a scrape, on either side
of it. No scrape of the past is being stored still, so that only milliseconds need room."""

_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_NAME_LABEL = "function_name"


@dataclass(frozen=True, slots=True)
class SignalQuery:
    """One instant query and what the value of its series means.

    `rate`: requests/s, mean over the range. The first value of a counter born within the range is no increase:
        it reads too low, 0 where it did not rise since, or nothing while it has one sample.
    `concurrency`: requests in flight, mean over the range's scrapes. Exactly 0 when none was in flight
        at any scrape of the range.
    `in_flight`: requests in flight at the newest scrape.
    `proof`: series of several kinds, told apart by label `signal`:
        `moved` (per function): not 0 when a counter moved within the range, or (profile custom) was born
            in it. That the series exists says that the function has a series of its own.
        `born` (per function, profile openfaas): requests counted so far, of functions whose counters were not
            there at the beginning of the range.
        `alive` (per function): whatever its value, the gateway knows the function.
        `up` (one series): 1 when every scrape of the range and the one before it, of every target, found the
            target up.
        `scrapes` (one series): fewest of these scrapes of any target; to be compared with
            `Profile.full_scrapes`.
        `ragged` (one series): targets without a scrape within NEWEST_WITHIN of the range's end or within
            OLDEST_WITHIN on either side of its beginning: it was lost, or the target is new, or gone. Missing
            where all targets are such.
        `storing` (one series, may be missing): seconds that the slowest scrape within the range took.
        `resets` (one series, may be missing): not 0 when a counter went back or the gateway's process
            started since the scrape before the range.
        Label `signal` of another value, or none, means nothing.

    A value of NaN or Inf is no value.
    """

    name: SignalName
    text: str


@dataclass(frozen=True, slots=True)
class Profile:
    """Everything that reading one gateway needs; picklable.

    The range is wholly covered when `up` is 1, `scrapes` >= `full_scrapes`, `ragged` is 0, and `resets` is 0
    or missing; else every value is a lower bound. No series `up` at all: nothing is known.

    Requests/s of a function in `born` are max(`rate`, `born` / range) where the range is covered: all that it
    counted, it counted within the range. Where it is not covered, a counter that was only not seen before looks
    born too, and requests/s are `rate`, or 0. Where `moved` is not 0 and `rate` is 0 or nothing, 0 is a lower bound.

    Zero is proven over the range when it is covered, `rate`, `concurrency`, `in_flight` and `moved` are
    all 0 (those the profile has), and `moved` names the function and `born` does not, or `has_alive` and
    `alive` names it: a function never called has counters nowhere, and nothing of it counts as 0 when `alive`
    names it.
    Where `has_in_flight` is False, silence must have lasted longer than `request_timeout_s`: a long call
    moves no counter. Where `has_activity` is False, zero is never proven.

    Attributes:
        queries: at most four.
        range_s: seconds that a sample covers.
        full_scrapes: scrapes that a wholly covered range has at least.
        tenants: tenants whose functions a series may count for; None: all of the source.
        request_timeout_s: longest request that the gateway lets run, seconds.
        namespace_label: label with the namespace; None: it is part of `name_label`.
        name_label: label with the function's name.
        default_namespace: namespace of a name that has none; None: such series are ignored.
    """

    queries: tuple[SignalQuery, ...]
    range_s: float
    full_scrapes: int
    tenants: frozenset[str] | None
    request_timeout_s: float
    namespace_label: str | None
    name_label: str
    default_namespace: str | None
    has_in_flight: bool
    has_activity: bool
    has_alive: bool

    def locate(self, labels: Mapping[str, str]) -> FunctionKey | None:
        """Tell which function a series is about; several series of one function are to be summed.

        OpenFaaS counts a call under the name that the caller wrote, so `figlet` and `figlet.openfaas-fn`
        are one function in two series.

        Returns:
            None when the labels name no function.
        """
        name = labels.get(self.name_label, "")
        if self.namespace_label is not None:
            namespace = labels.get(self.namespace_label, "")
        elif "." in name:
            name, _, namespace = name.rpartition(".")
        else:
            namespace = ""
        namespace = namespace or self.default_namespace or ""
        return FunctionKey(namespace, name) if namespace and name else None


def profiles_of(source: SourceSettings) -> tuple[Profile, ...]:
    """Give the profiles of a source's gateways, in the order of the settings.

    Raises:
        ValueError: a gateway's `match` has a name that no label can have, or profile custom lacks queries.
    """
    return tuple(profile_of(gateway, source) for gateway in source.gateways)


def profile_of(gateway: GatewaySettings, source: SourceSettings) -> Profile:
    """Give the profile of one gateway of a source."""
    selector = matchers(gateway.match)
    if gateway.profile == "custom":
        if gateway.queries is None:
            raise ValueError("profile custom needs `queries`")
        queries = _custom_queries(gateway.queries, selector, source)
    else:
        queries = _openfaas_queries(selector, source)
    custom = gateway.queries if gateway.profile == "custom" else None
    return Profile(
        queries=queries,
        range_s=source.range_s,
        full_scrapes=max(1, math.floor(source.range_s / source.scrape_interval + 1e-9)),
        tenants=None if "*" in gateway.tenants else frozenset(gateway.tenants),
        request_timeout_s=gateway.request_timeout,
        namespace_label=gateway.namespace_label if custom else None,
        name_label=gateway.function_label if custom else _NAME_LABEL,
        default_namespace=gateway.default_namespace,
        has_in_flight=custom.in_flight is not None if custom else True,
        has_activity=custom.activity is not None if custom else True,
        has_alive=custom.alive is not None if custom else True,
    )


def matchers(match: Mapping[str, str]) -> str:
    """Write labels as the inside of a PromQL selector, such as `job="gw",namespace="fn"`; values are escaped.

    Raises:
        ValueError: a name that no label can have.
    """
    for name in match:
        if not _LABEL_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no label name: letters, digits and _ are allowed, no digit first")
    return ",".join(f"{name}={quoted(match[name])}" for name in sorted(match))


def quoted(value: str) -> str:
    """Write a text as a PromQL string, so that no label value can end it and inject a query."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _openfaas_queries(selector: str, source: SourceSettings) -> tuple[SignalQuery, ...]:
    range_, longer = format_duration(source.range_s), _from_before(source)
    started, total = (
        f"gateway_function_invocation_started{{{selector}}}",
        f"gateway_function_invocation_total{{{selector}}}",
    )

    # `total` is born when a function's first call ends: until then its part of a difference is 0, not nothing.
    def less(positive: str, negative: str) -> str:
        a, b = (f"sum by ({_NAME_LABEL}) ({part})" for part in (positive, negative))
        return f"{a} - ({b} or 0 * {a})"

    # Both counters of a scrape are of one moment, so their sums over a range differ by exactly the requests
    # in flight, summed over the scrapes; that holds where one of them is born, or both start anew, on the way.
    in_flight_sum = less(f"sum_over_time({started}[{range_}])", f"sum_over_time({total}[{range_}])")
    now, then = (f"sum by ({_NAME_LABEL}) ({started}{offset})" for offset in ("", f" offset {range_}"))
    proof = {
        "moved": f"{now} - {then}",
        "born": f"{now} unless {then}",
        "alive": f"sum by ({_NAME_LABEL}) (gateway_service_count{{{selector}}})",
        **_coverage(selector, source),
        "resets": f"max(resets({started}[{longer}]) or {_process_starts(selector, longer)})",
    }
    return (
        SignalQuery("rate", f"sum by ({_NAME_LABEL}) (rate({started}[{range_}]))"),
        SignalQuery("concurrency", f"({in_flight_sum}) / scalar(max(count_over_time(up{{{selector}}}[{range_}])))"),
        SignalQuery("in_flight", less(started, total)),
        SignalQuery("proof", _joined(proof)),
    )


def _custom_queries(custom: CustomQueries, selector: str, source: SourceSettings) -> tuple[SignalQuery, ...]:
    range_ = format_duration(source.range_s)

    def filled(text: str) -> str:
        return text.replace("{range}", range_).replace("{selector}", selector)

    signals: tuple[tuple[SignalName, str | None], ...] = (
        ("rate", custom.rate),
        ("concurrency", custom.concurrency),
        ("in_flight", custom.in_flight),
    )
    proof = {"moved": custom.activity, "alive": custom.alive}
    proof_texts = {signal: filled(text) for signal, text in proof.items() if text is not None}
    proof_texts |= _coverage(selector, source)
    proof_texts["resets"] = f"max({_process_starts(selector, _from_before(source))})"
    own = tuple(SignalQuery(name, filled(text)) for name, text in signals if text is not None)
    return (*own, SignalQuery("proof", _joined(proof_texts)))


def _coverage(selector: str, source: SourceSettings) -> dict[str, str]:
    """Queries that tell whether targets were up and scraped, from the last scrape before the range to its end.

    Prometheus writes a sample of `up` for each scrape, so fewer samples mean a new target, one that went, or
    that Prometheus itself was away. One scrape may be lost in the middle, where rate does not need it, but not at
    an end, where rate reads 63 % without it. The scrape before the range is needed because a counter that is near
    zero at its first scrape is not extrapolated beyond it: calls to a gateway that started since read 87 %.
    Targets are counted, not times compared: one that is new or gone has no time, and would be left out.
    """
    up, interval_s = f"up{{{selector}}}", source.scrape_interval
    range_, longer = format_duration(source.range_s), _from_before(source)
    newest, oldest = format_duration(NEWEST_WITHIN * interval_s), format_duration(OLDEST_WITHIN * interval_s)
    to_oldest = format_duration(source.range_s - OLDEST_WITHIN * interval_s)
    near_ends = (f"[{newest}]", f"[{oldest}] offset {to_oldest}", f"[{oldest}] offset {range_}")
    at_all_ends = " and ".join(f"count_over_time({up}{near})" for near in near_ends)
    return {
        "up": f"min(min_over_time({up}[{longer}]))",
        "scrapes": f"min(count_over_time({up}[{longer}]))",
        "ragged": f"count(count_over_time({up}[{range_}])) - count({at_all_ends})",
        STORING: f"max(max_over_time(scrape_duration_seconds{{{selector}}}[{range_}]))",
    }


def _from_before(source: SourceSettings) -> str:
    """Give the stretch of the range and the last scrape before it."""
    return format_duration(source.range_s + OLDEST_WITHIN * source.scrape_interval)


def _process_starts(selector: str, longer: str) -> str:
    return f"changes(process_start_time_seconds{{{selector}}}[{longer}])"


def _joined(texts: Mapping[str, str]) -> str:
    """Join queries into one whose series carry the name of the query they come from.

    The line breaks keep a comment at the end of a custom query from swallowing what follows.
    """
    return " or ".join(
        f'label_replace((\n{text}\n), "{SIGNAL_LABEL}", "{signal}", "", "")' for signal, text in texts.items()
    )
