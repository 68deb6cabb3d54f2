"""What `init` says of what it found, and of what it is not sure."""

from collections.abc import Iterator, Mapping, Sequence

from autoscaler.policy.labels import MARKER
from autoscaler.policy.profiles import CATALOG
from autoscaler.policy.quantities import format_duration
from autoscaler.policy.starting.choosing import DEFAULT_INTERVAL_S, Start
from autoscaler.policy.starting.questions import signs_of
from autoscaler.policy.starting.sighting import Read
from autoscaler.policy.starting.targets import Labels

_NAMED = 5
_SLOW_S = 60.0
_WAKING = frozenset({"openfaas", "of-watchdog", "knative"})
"""Profiles of platforms that hold a request and start its function themselves."""


def found_lines(start: Start, prometheus: str, cluster: str) -> Iterator[str]:
    """Say what was found."""
    for gateway in start.gateways:
        labels = ", ".join(f"{name} {value}" for name, value in gateway.sighting.match.items())
        count = counted(len(gateway.functions), "function")
        yield f"Gateway: profile {gateway.profile} ({gateway.sighting.gateway.title}; {labels}); its series name {count}."
    interval = format_duration(start.interval_s) if start.interval_s is not None else "not known"
    yield f"Prometheus: {prometheus}, scrape interval {interval}."
    total = sum(map(len, start.functions.values()))
    where = ", ".join(f"{namespace} ({len(names)})" for namespace, names in start.functions.items())
    yield f"Cluster: {cluster}, {counted(total, 'function')}{f' in {where}' if where else ''}."


def unsure_lines(start: Start) -> Iterator[str]:
    """Say what may be otherwise than it looks, each with what to do about it."""
    for read, why in start.beside:
        yield f"Profile {read.profile} (job {read.sighting.job}) was found too and left out: {why}."
    if start.interval_s is None:
        interval = format_duration(DEFAULT_INTERVAL_S)
        yield f"The scrape interval could not be measured; the settings say {interval}: set scrapeInterval to what it is."
    elif start.interval_s > _SLOW_S:
        interval = format_duration(start.interval_s)
        yield f"A scrape every {interval} is slow: load is seen over four of them, so scaling is minutes late."
    for read in start.gateways:
        yield from _of_gateway(read)
    if start.silent:
        names = named([str(key) for key in start.silent])
        yield (
            f"No series of a gateway names {names}: their load is unknown until their first call, "
            "and what is unknown is never scaled down."
        )


def _of_gateway(read: Read) -> Iterator[str]:
    sighting, gateway = read.sighting, read.sighting.gateway
    if not sighting.is_apart:
        labels = ", ".join(f"{name}: {value}" for name, value in sighting.match.items())
        yield (
            f"Profile {read.profile}: {{{labels}}} selects targets of other programs too, and all must be up for a load to be "
            "known whole; give its job a name of its own, or name more labels under `match`."
        )
    if read.proof_s:
        why = (
            "may go on with requests that it does not count"
            if gateway.has_in_flight
            else "does not know requests in flight"
        )
        yield (
            f"Profile {read.profile} {why}, so zero needs silence for longer than the longest request: "
            f"set requestTimeout of the gateway to what it lets run ({format_duration(read.proof_s)} if not said)."
        )
    if read.ambiguous:
        yield (
            f"Profile {read.profile}: one name of its series may mean {named(sorted(read.ambiguous))}, and so counts for none of "
            "them: let the gateway's names tell them apart."
        )
    if read.strangers:
        yield f"Profile {read.profile}: its series also name what is no Deployment here: {named(sorted(read.strangers))}."


def zero_lines(start: Start, zero_after_s: float | None) -> Iterator[str]:
    """Say who has to wake functions at zero, where their gateway does not do so by itself."""
    asleep = [read.profile for read in start.gateways if read.profile not in _WAKING]
    if zero_after_s is not None and asleep:
        yield (
            f"A function at zero answers nothing until somebody asks /v1/wake/NAMESPACE/FUNCTION, and {' and '.join(asleep)} does "
            "not do so by itself (docs/gateways/README.md says what it must ask): have that in place before dry run ends."
        )


def label_commands(unlabelled: Mapping[str, Sequence[str]]) -> list[str]:
    """Give the commands that make functions of Deployments that gateways name."""
    return [
        f"kubectl -n {namespace} label deployment {' '.join(names)} {MARKER}=true"
        for namespace, names in unlabelled.items()
    ]


def no_gateway_lines(prometheus: str) -> list[str]:
    """Say what was looked for where nothing was found."""
    signs = [f"  {gateway.name:<14} {' or '.join(signs_of(gateway))}" for gateway in CATALOG.values()]
    return [
        f"{prometheus} has no series of a gateway that has a profile. Looked for, by profile:",
        *signs,
        "Switch on the metrics of your gateway and let Prometheus scrape them (docs/gateways has a page for each); for",
        "another gateway write the settings yourself, with profile custom (docs/gateways/custom.md).",
    ]


def as_json(start: Start) -> dict[str, object]:
    """Give what was found as JSON."""
    return {
        "gateways": [
            {
                **read.settings(),
                "scrape_interval_s": read.sighting.interval_s,
                "functions": sorted(map(str, read.functions)),
            }
            for read in start.gateways
        ],
        "left_out": [{"profile": read.profile, "match": dict(_labels(read)), "why": why} for read, why in start.beside],
        "scrape_interval_s": start.interval_s,
        "functions": start.functions,
        "unlabelled": start.unlabelled,
        "silent": [str(key) for key in start.silent],
        "unsure": list(unsure_lines(start)),
    }


def _labels(read: Read) -> Labels:
    return read.sighting.match


def named(names: Sequence[str]) -> str:
    """Name a few, and count the others."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def counted(count: int, what: str) -> str:
    """Write a number of things."""
    return f"{count} {what}{'' if count == 1 else 's'}"
