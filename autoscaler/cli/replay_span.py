"""A span of a Prometheus under policies: what they would have decided on what it saw."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import click

from autoscaler.cli.errors import NotSo, WrongConfiguration
from autoscaler.cli.output import print_json
from autoscaler.cli.prometheus_span import PrometheusSpan, Replicas
from autoscaler.cli.replay_words import accounts_document, print_accounts, print_unscaled
from autoscaler.core.blast_radius import BlastRadiusRule
from autoscaler.core.controller import Controller
from autoscaler.policy.compile import Compiler
from autoscaler.policy.loading import PolicySet, load
from autoscaler.policy.plan import Plan
from autoscaler.policy.quantities import format_duration
from autoscaler.policy.settings import BlastRadius
from autoscaler.simulator.replay.on_loads import OnLoads


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for.

    Attributes:
        url: base URL of the Prometheus.
        fields: further settings of the source.
        start_s: beginning of the span, UTC seconds.
        end_s: its end.
        tick_s: interval of decisions.
        timeout_s: longest that reading may take.
        start_up_s: from a raise until its replicas are ready.
    """

    url: str
    fields: Mapping[str, object]
    start_s: int
    end_s: int
    tick_s: float
    timeout_s: float
    start_up_s: float


def replay_span(wanted: Wanted, texts: Mapping[str, str], output: str) -> None:
    """Decide a span and say what came of it.

    Raises:
        WrongConfiguration: the documents cannot be used, or the Prometheus cannot be asked.
        NotSo: it knows no function of theirs in this span.
    """
    if wanted.end_s <= wanted.start_s:
        raise WrongConfiguration("--end is not after --start; a later moment is allowed")
    policies = load(texts)
    if policies.problems:
        raise WrongConfiguration("The policies cannot be used:", policies.problems)
    span = PrometheusSpan.find(wanted.url, wanted.fields, wanted.start_s, wanted.end_s, policies.namespaces)
    _say(f"{len(span.keys)} functions, by {', '.join(span.gateways)}; reading what was …")
    there = span.replicas()
    outcome = asyncio.run(_decided(span, policies, there, wanted))
    if not outcome.ticks:
        raise NotSo("Nothing was measured in this span.")
    accounts = outcome.accounts.finished()
    unscaled = outcome.unscaled(span.keys)
    if output == "json":
        numbers = {"ticks": outcome.ticks, "start_up_s": wanted.start_up_s, "gateways": span.gateways}
        known = {"replicas_known": len(there.of), "unscaled": [str(key) for key in unscaled]}
        print_json({**numbers, **known, **accounts_document(accounts)})
        return
    print_accounts(accounts, "there were → these documents")
    unknown = len(span.keys) - len(there.of)
    click.echo(
        f"{outcome.ticks} ticks of {format_duration(wanted.tick_s)}. Load as it was, whatever is decided; replicas as decided, "
        f"ready {format_duration(wanted.start_up_s)} later. {_unknown_words(unknown)}"
    )
    print_unscaled(unscaled)


async def _decided(span: PrometheusSpan, policies: PolicySet, there: Replicas, wanted: Wanted) -> OnLoads:
    compiler = Compiler({})

    def plan_at(utc_s: float) -> Plan:
        return compiler.compile(policies, span.deployed, utc_s)

    plan, blast = plan_at(float(wanted.start_s)), BlastRadius()
    rule = BlastRadiusRule(blast.replicas, blast.share, blast.period)
    outcome = OnLoads(Controller(rule), plan_at, wanted.start_up_s)
    async for now, one in span.moments(plan, wanted.tick_s, wanted.timeout_s):
        outcome.tick(now, one, there.at(plan.fleet.keys, now.monotonic_s))
    return outcome


def _unknown_words(unknown: int) -> str:
    if not unknown:
        return ""
    which = "one function" if unknown == 1 else f"{unknown} functions"
    return f"How many replicas there were of {which} nobody says (kube-state-metrics or OpenFaaS's gateway would)."


def _say(words: str) -> None:
    click.echo(words, err=True)
