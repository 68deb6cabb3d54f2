"""The texts of a profile's queries: what they ask, and the parts that every profile has."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from autoscaler.policy.quantities import format_duration
from autoscaler.policy.source_settings import SourceSettings

SignalName = Literal["rate", "concurrency", "in_flight", "proof"]
POD_LABEL = "pod"
"""Label with a pod's name, by which profiles per pod name the function: Prometheus attaches it, no page can forge it."""

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
        `born` (per function): requests counted so far by counters that were not there at the
            beginning of the range.
        `alive` (per function): whatever its value, the gateway knows the function.
        `up` (one series): 1 when every scrape of the range and the one before it, of every target, found the
            target up.
        `scrapes` (one series): fewest of these scrapes of any target; to be compared with
            `Profile.full_scrapes`.
        `ragged` (one series): targets without a scrape within NEWEST_WITHIN of the range's end or within
            OLDEST_WITHIN on either side of its beginning: it was lost, or the target is new, or gone. Missing
            where all targets are such.
        `storing` (one series, may be missing): seconds that the slowest scrape within the range took.
        `resets` (one series, may be missing; of profiles per pod per function): not 0 when the gateway's process
            started since the scrape before the range, or (profile openfaas, and those per pod) a counter went back.
        `replaced` (one series, where zero is proven by what is in flight and `request_timeout_s` is longer than the
            range): processes of the gateway that went or began so lately that one which is no longer scraped may still
            end its calls.
        `deaf` (one series, of profiles with a heartbeat; missing where no target has one): targets whose heartbeat did
            not go on at every scrape, so that the log that they read is not written, or not read.
        `went_back` (per function, not profiles openfaas, custom and those per pod): its own counter went back since
            then. A gateway drops the counters of what is no longer configured, which is one function's doing. Where
            `resets` is missing nothing else tells that the gateway itself began anew, so then it is so of all.
        `targets` (per function, of profiles per pod instead of `up`, `scrapes` and `ragged`): pods of which there is
            any scrape since the one before the range.
        `covered` (per function, likewise; missing where there are none): those of them whose scrapes are all there.
        Label `signal` of another value, or none, means nothing.

    A value of NaN or Inf is no value.
    """

    name: SignalName
    text: str


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


def full_scrapes(source: SourceSettings) -> int:
    """Give the scrapes that a wholly covered range has at least."""
    return max(1, int(source.range_s / source.scrape_interval + 1e-9))


def coverage(selector: str, source: SourceSettings) -> dict[str, str]:
    """Queries that tell whether targets were up and scraped, from the last scrape before the range to its end.

    Prometheus writes a sample of `up` for each scrape, so fewer samples mean a new target, one that went, or
    that Prometheus itself was away. One scrape may be lost in the middle, where rate does not need it, but not at
    an end, where rate reads 63 % without it. The scrape before the range is needed because a counter that is near
    zero at its first scrape is not extrapolated beyond it: calls to a gateway that started since read 87 %.
    Targets are counted, not times compared: one that is new or gone has no time, and would be left out.
    """
    up, longer = f"up{{{selector}}}", from_before(source)
    range_ = format_duration(source.range_s)
    return {
        "up": f"min(min_over_time({up}[{longer}]))",
        "scrapes": f"min(count_over_time({up}[{longer}]))",
        "ragged": f"count(count_over_time({up}[{range_}])) - count({_at_all_ends(up, source)})",
        STORING: storing(selector, source),
    }


def pod_coverage(selector: str, source: SourceSettings, labels: Sequence[str]) -> dict[str, str]:
    """Queries that tell the same of each function, whose own pods are the targets: of one function's new pod the
    others' loads know nothing.

    Both are numbers of pods, so that they add up where a series is of one pod. A pod that is scraped at two ports is
    one pod, whole where all its targets are: counted twice it would pass for one that was missed. Where no label names
    pods, targets are taken for pods.
    """
    up, longer, by = f"up{{{selector}}}", from_before(source), ", ".join(labels)
    targets = f"count_over_time({up}[{longer}])"
    is_full = f"{targets} >= {full_scrapes(source)}"
    covered = f"{_at_all_ends(up, source)} and ({is_full}) and (min_over_time({up}[{longer}]) == 1)"
    if POD_LABEL in labels:
        pods = f"group by ({by}) ({targets})"
        counted = {"targets": pods, "covered": f"{pods} unless group by ({by}) ({targets} unless ({covered}))"}
    else:
        counted = {"targets": f"count by ({by}) ({targets})", "covered": f"count by ({by}) ({covered})"}
    return counted | {STORING: storing(selector, source)}


def storing(selector: str, source: SourceSettings) -> str:
    """Give the query for how long scrapes took."""
    return f"max(max_over_time(scrape_duration_seconds{{{selector}}}[{format_duration(source.range_s)}]))"


def from_before(source: SourceSettings) -> str:
    """Give the stretch of the range and the last scrape before it."""
    return format_duration(source.range_s + OLDEST_WITHIN * source.scrape_interval)


def process_starts(selector: str, longer: str, metric: str = "process_start_time_seconds") -> str:
    """Give the query for how often the time at which a process started has changed."""
    return f"changes({metric}{{{selector}}}[{longer}])"


def replaced(selector: str, source: SourceSettings, request_timeout_s: float) -> dict[str, str]:
    """Query that tells whether a process may end calls which nobody scrapes any more; none where the range tells it.

    A gateway that is replaced is no target from one moment to the next, and ends what it has begun: for 15 minutes, if
    that is its time-out. Who replaced it is younger than that, and its target is gone. A range more is looked at, for
    what is between a start and the end of whom it replaces, and between the last scrape and the last new call. Of a
    request no longer than the range the range itself tells, which is not covered where targets came or went.
    """
    if request_timeout_s <= source.range_s:
        return {}
    longer_s = source.range_s + request_timeout_s
    up, longer = f"up{{{selector}}}", format_duration(longer_s)
    gone = f"count_over_time({up}[{longer}]) unless count_over_time({up}[{from_before(source)}])"
    young = f"time() - process_start_time_seconds{{{selector}}} < {longer_s:.12g}"
    return {"replaced": f"(count({gone}) or vector(0)) + (count({young}) or vector(0))"}


def deaf(heartbeat: str, selector: str, source: SourceSettings) -> str:
    """Give the query for how many targets did not hear their heartbeat, a line that comes at least once a scrape.

    One step may lack it, since two clocks that tick alike may miss each other by a moment.
    """
    up, beats = f"up{{{selector}}}", f"{heartbeat}{{{selector}}}[{from_before(source)}]"
    heard = f"{up} and on (job, instance) (changes({beats}) >= {max(1, full_scrapes(source) - 1)})"
    return f"(count({up}) - (count({heard}) or vector(0))) and on () count(count_over_time({beats}))"


def joined(texts: Mapping[str, str]) -> str:
    """Join queries into one whose series carry the name of the query they come from.

    The line breaks keep a comment at the end of a custom query from swallowing what follows.
    """
    return " or ".join(
        f'label_replace((\n{text}\n), "{SIGNAL_LABEL}", "{signal}", "", "")' for signal, text in texts.items()
    )


def either(texts: Sequence[str]) -> str:
    """Join queries whose series may have the same labels: `or` alone would drop those of the second."""
    if len(texts) == 1:
        return texts[0]
    return joined({str(number): text for number, text in enumerate(texts)})


def selected(metric: str, selectors: Sequence[str]) -> str:
    """Write a metric with matchers; empty ones are left out."""
    return f"{metric}{{{','.join(one for one in selectors if one)}}}"


def _at_all_ends(up: str, source: SourceSettings) -> str:
    """Give the targets that have a scrape near the range's end and on either side of its beginning."""
    interval_s, range_ = source.scrape_interval, format_duration(source.range_s)
    newest, oldest = format_duration(NEWEST_WITHIN * interval_s), format_duration(OLDEST_WITHIN * interval_s)
    to_oldest = format_duration(source.range_s - OLDEST_WITHIN * interval_s)
    near_ends = (f"[{newest}]", f"[{oldest}] offset {to_oldest}", f"[{oldest}] offset {range_}")
    return " and ".join(f"count_over_time({up}{near})" for near in near_ends)
