"""The texts that `init` writes: settings, tenants and policies, all in dry run."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autoscaler.policy.documents import API_VERSION
from autoscaler.policy.quantities import format_duration
from autoscaler.policy.scaling import ScaleDown
from autoscaler.policy.starting.choosing import DEFAULT_INTERVAL_S, Start
from autoscaler.policy.starting.sighting import Read

_SEEN_FROM = " # as seen from where the daemon is started"
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
_LOOK_BACK_S: float = ScaleDown().stabilization
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


@dataclass(frozen=True, slots=True)
class Place:
    """Where the daemon will run, and what it will find there.

    Attributes:
        prometheus: base URL of the Prometheus, as the daemon reaches it.
        policies: folder of policy documents.
        listen: address of alerts, wakes, API and dashboard.
        metrics_listen: address of its own metrics.
        decision_log: folder of the decision log; None: none is kept.
        kubernetes: settings of the cluster.
        leadership: whether several daemons agree by a Lease.
        source: further settings of the source, such as a token's file.
    """

    prometheus: str
    policies: str
    listen: str
    metrics_listen: str
    decision_log: str | None
    kubernetes: Mapping[str, object]
    leadership: bool
    source: Mapping[str, object]


def settings_text(start: Start, place: Place, token_sha256: str) -> str:
    """Write settings in dry run."""
    interval = format_duration(start.interval_s or DEFAULT_INTERVAL_S)
    measured = "measured" if start.interval_s is not None else "not measured: set what your Prometheus has"
    lines = [
        "# Written by `autoscaler init`. Every field: `autoscaler schema settings`.",
        "# In dry run it decides, records and explains, and writes nothing to the cluster.",
        "dryRun: true",
        "sources:",
        "  main:",
        f"    url: {scalar(place.prometheus)}",
        f"    scrapeInterval: {interval} # {measured}",
        *(f"    {name}: {scalar(value)}" for name, value in place.source.items()),
        "    gateways:",
        *(line for gateway in start.gateways for line in _gateway_lines(gateway)),
        "# Who may see and wake everything: the bearer of the token beside this file, of which only the hash stands here.",
        f'operators: [{{tokenSHA256: "{token_sha256}"}}]',
        f"policies: {scalar(place.policies)}{_SEEN_FROM if not place.policies.startswith('/') else ''}",
        f"listen: {scalar(place.listen)}",
        f"metrics: {{listen: {scalar(place.metrics_listen)}}}",
    ]
    if place.kubernetes:
        lines.append(f"kubernetes: {scalar(place.kubernetes)}")
    if place.leadership:
        lines.append("leadership: {}")
    if place.decision_log is not None:
        lines.append("# What every decision was made of: for `status --compare`, `explain --last` and `replay`.")
        lines.append(f"decisionLog: {{path: {scalar(place.decision_log)}}}")
    return "\n".join(lines) + "\n"


def _gateway_lines(gateway: Read) -> list[str]:
    fields = gateway.settings()
    return [
        f"      - profile: {scalar(fields.pop('profile'))}",
        *(f"        {name}: {scalar(value)}" for name, value in fields.items()),
    ]


def helm_values(
    start: Start, prometheus: str, source: Mapping[str, object], token_sha256: str, policies: Mapping[str, str]
) -> str:
    """Write values for the chart: the same settings as the daemon needs them in the cluster, and the same policies."""
    inside = Place(
        prometheus=prometheus,
        policies="/etc/autoscaler/policies",
        listen="0.0.0.0:8080",
        metrics_listen="0.0.0.0:9090",
        decision_log=None,
        kubernetes={"customResources": True, "events": True, "tokenReviews": True},
        leadership=True,
        source=source,
    )
    lines = [
        "# For `helm install autoscaler manifests/chart --values FILE`; image.repository is where your image is.",
        "settingsFile: |",
        *_indented(settings_text(start, inside, token_sha256), 2),
        "policies:",
        "  tenants.yaml: null # the chart's own examples",
        "  functions.yaml: null",
    ]
    for name, text in policies.items():
        # A name of ours, for null would take away a file that is called like an example.
        lines += [f"  {scalar(f'init-{name}')}: |", *_indented(text, 4)]
    return "\n".join(lines) + "\n"


def _indented(text: str, width: int) -> list[str]:
    return [f"{' ' * width}{line}" if line else "" for line in text.splitlines()]


def documents(start: Start, tenant: str | None, zero_after_s: float | None) -> dict[str, str]:
    """Write a Tenant and its policies, by file name.

    Args:
        tenant: one of this name for all namespaces; None: one for each namespace, named like it.
        zero_after_s: proven idleness before zero, seconds; None: nothing goes to zero.
    """
    owners = {tenant: list(start.namespaces)} if tenant is not None else {one: [one] for one in start.namespaces}
    return {
        f"{name}.yaml": "---\n".join(
            [_tenant(name, namespaces, zero_after_s), *(_policy(start, one, zero_after_s) for one in namespaces)]
        )
        for name, namespaces in owners.items()
    }


def _tenant(name: str, namespaces: Sequence[str], zero_after_s: float | None) -> str:
    lines = [
        "# The operator's part: who owns which namespaces, and within which limits.",
        f"apiVersion: {API_VERSION}",
        "kind: Tenant",
        f"metadata: {{name: {scalar(name)}}}",
        "spec:",
        f"  namespaces: {scalar(list(namespaces))}",
        "  source: main",
    ]
    if zero_after_s is not None:
        lines.append("  bounds: {allowZero: true} # its policies may let functions go to zero")
    lines.append("  # budget: {replicas: {cap: 100}} # most replicas of all its functions together")
    return "\n".join(lines) + "\n"


def _policy(start: Start, namespace: str, zero_after_s: float | None) -> str:
    if start.has_in_flight(namespace):
        metric = "{type: concurrency, target: 10} # requests in flight that one replica shall carry: yours to set"
    else:
        metric = "{type: rps, target: 50} # requests/s that one replica shall carry: yours to set"
    lines = [
        "# The tenant's part: how the functions of a namespace scale. Labels on a function win over it.",
        f"apiVersion: {API_VERSION}",
        "kind: ScalingPolicy",
        f"metadata: {{name: default, namespace: {scalar(namespace)}}}",
        "spec:",
        "  metrics:",
        f"    - {metric}",
        "  # replicas: {min: 0, max: 20} # holds at once, whatever runs: more than max is cut",
    ]
    return "\n".join([*lines, *_zero_lines(zero_after_s)]) + "\n"


def _zero_lines(zero_after_s: float | None) -> list[str]:
    """Write when to go to zero; the look-back of cuts must not be longer, or it would be what is waited for."""
    if zero_after_s is None:
        return ["  # zero: {after: 15m} # to zero after proven silence; the Tenant's bounds must allow it (allowZero)"]
    after = format_duration(zero_after_s)
    lines = [f"  zero: {{after: {after}}} # silence that is proven, never one that is guessed"]
    if zero_after_s < _LOOK_BACK_S:
        default = format_duration(_LOOK_BACK_S)
        lines.append(
            f"  scaleDown: {{stabilization: {after}}} # {default} if not said, which is longer than that silence"
        )
    return lines


def scalar(value: object) -> str:
    """Write a value as YAML on one line; a text that could be read as something else is quoted."""
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(name)}: {scalar(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(scalar, value)) + "]"
    if not isinstance(value, str):
        return str(value)
    return value if _PLAIN.fullmatch(value) and value.lower() not in _WORDS else json.dumps(value)
