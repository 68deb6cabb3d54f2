"""Gateway profiles: the PromQL that a gateway's metrics need, and how its series name functions.

A profile is a pure value. Per gateway at most four queries a tick, the same four for one function or
100,000. All of a tick's queries are sent with one and the same `time`, best a little before now (a
tenth of the scrape interval), so that a scrape that is still being stored does not look missing.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.quantities import format_duration
from autoscaler.policy.settings import CustomQueries, GatewaySettings, SourceSettings

SignalName = Literal["rate", "concurrency", "in_flight", "proof"]
SIGNAL_LABEL = "signal"
"""Label that tells the kinds of series in the answer of query `proof` apart."""

_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_NAME_LABEL = "function_name"


@dataclass(frozen=True, slots=True)
class SignalQuery:
    """One instant query and what the value of its series means.

    `rate`: requests/s, mean over the range. A counter born within the range reads 0, or nothing while it has
        one sample, though it rose from 0: where `moved` says that it rose, 0 is a lower bound.
    `concurrency`: requests in flight, mean over the range's scrapes. Exactly 0 when none was in flight
        at any scrape of the range.
    `in_flight`: requests in flight at the newest scrape.
    `proof`: series of several kinds, told apart by label `signal`:
        `moved` (per function): not 0 when a counter moved or was born within the range. That the series
            exists says that the function has a series of its own.
        `alive` (per function): whatever its value, the gateway knows the function.
        `up` (one series): 1 when every scrape of the range, of every target, found the target up.
        `scrapes` (one series): fewest scrapes of any target within the range and one scrape interval
            before it; to be compared with `Profile.full_scrapes`.
        `resets` (one series, may be missing): not 0 when a counter went back or the gateway's process
            started within the range.
        Label `signal` of another value, or none, means nothing.

    A value of NaN or Inf is no value.
    """

    name: SignalName
    text: str


@dataclass(frozen=True, slots=True)
class Profile:
    """Everything that reading one gateway needs; picklable.

    The range is wholly covered when `up` is 1, `scrapes` >= `full_scrapes`, and `resets` is 0 or missing;
    else every value is a lower bound. No series `up` at all: nothing is known.

    Zero is proven over the range when it is covered, `rate`, `concurrency`, `in_flight` and `moved` are
    all 0 (those the profile has), and `moved` names the function, or `has_alive` and `alive` names it: a
    function never called has counters nowhere, and nothing of it counts as 0 when `alive` names it.
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
    range_ = format_duration(source.range_s)
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
    proof = {
        "moved": less(started, f"{started} offset {range_}"),
        "alive": f"sum by ({_NAME_LABEL}) (gateway_service_count{{{selector}}})",
        **_coverage(selector, source),
        "resets": f"max(resets({started}[{range_}]) or {_process_starts(selector, range_)})",
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
    proof_texts |= _coverage(selector, source) | {"resets": f"max({_process_starts(selector, range_)})"}
    own = tuple(SignalQuery(name, filled(text)) for name, text in signals if text is not None)
    return (*own, SignalQuery("proof", _joined(proof_texts)))


def _coverage(selector: str, source: SourceSettings) -> dict[str, str]:
    """Queries that tell whether every scrape of the range is there and found its target up.

    Prometheus writes a sample of `up` for each scrape, so fewer samples mean a new target, one that went, or
    that Prometheus itself was away. Counting begins one interval before the range: then a wholly covered range
    never lacks a scrape because of where its ends fall, and the first three of four scrapes after an outage
    (rate reads 62 % of the truth from them) never pass for four.
    """
    longer = format_duration(source.range_s + source.scrape_interval)
    return {
        "up": f"min(min_over_time(up{{{selector}}}[{format_duration(source.range_s)}]))",
        "scrapes": f"min(count_over_time(up{{{selector}}}[{longer}]))",
    }


def _process_starts(selector: str, range_: str) -> str:
    return f"changes(process_start_time_seconds{{{selector}}}[{range_}])"


def _joined(texts: Mapping[str, str]) -> str:
    """Join queries into one whose series carry the name of the query they come from.

    The line breaks keep a comment at the end of a custom query from swallowing what follows.
    """
    return " or ".join(
        f'label_replace((\n{text}\n), "{SIGNAL_LABEL}", "{signal}", "", "")' for signal, text in texts.items()
    )
