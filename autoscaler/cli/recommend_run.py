"""Learning on the first part of a trace, and trying on the later one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import click
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from autoscaler.cli.errors import WrongConfiguration
from autoscaler.cli.recommend_inputs import Defaults
from autoscaler.cli.sweep_pools import Pool, local
from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.compile import Compiler
from autoscaler.policy.deployment import Deployed
from autoscaler.policy.loading import load
from autoscaler.policy.plan import Plan
from autoscaler.simulator.function_group import FUNCTION_LABEL
from autoscaler.simulator.recommending.choosing import MOST, Choice, search
from autoscaler.simulator.recommending.clumps import Clumps
from autoscaler.simulator.recommending.differences import Difference, differences
from autoscaler.simulator.recommending.documents import Sized
from autoscaler.simulator.recommending.evaluating import Site, evaluate_by
from autoscaler.simulator.recommending.outcome import Recommendation, numbers_of, recommendation
from autoscaler.simulator.recommending.parts import Parts, Platform, parts_of
from autoscaler.simulator.recommending.sizing import Sizing
from autoscaler.simulator.recommending.standing import Standing
from autoscaler.simulator.recommending.trying import Measured, Run, Trier, Try
from autoscaler.simulator.recommending.writing import joined, tenant_document, yaml_text
from autoscaler.simulator.scenario import MOST_TICKS
from autoscaler.simulator.slo import Slo
from autoscaler.simulator.trace_sets.trace_set import Events, TraceSet

LATER_SEED = 1_000
"""Seeds of the later part begin here: none of them was learned with."""

LATER_SEEDS = 10
"""Runs on the later part: 10 of 10 say 0.741 or more, with 95 % confidence."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How it is looked for.

    Attributes:
        learn: share of the trace that is learned from.
        margin: share of each bound to stay below while learning.
        seeds: of each trial.
        tick_s: interval of decisions.
        processes: that run trials.
        may_zero: whether functions may be sent to zero that are not now.
    """

    learn: float
    margin: float
    seeds: int
    tick_s: float
    processes: int
    may_zero: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it.

    Attributes:
        trace: what was learned from.
        site: the functions, and what was in force.
        slo: the objective.
        minimize: what was to be least.
        choices: of each function.
        sizings: those that are recommended; a function that was never called has none.
        found: how they fared on the later part.
        changes: what differs from what is in force.
        simulations: runs while learning.
        learned_s: seconds of the part that was learned from.
        later_s: of the later one.
        clumps: of a trace of counts, how requests are spread within its steps.
        is_anything_in_force: whether documents were given.
    """

    trace: TraceSet
    site: Site
    slo: Slo
    minimize: str
    choices: Mapping[FunctionKey, Choice]
    sizings: Mapping[FunctionKey, Sizing]
    found: Recommendation
    changes: Sequence[Difference]
    simulations: int
    learned_s: float
    later_s: float
    clumps: Mapping[FunctionKey, Clumps]
    is_anything_in_force: bool

    @property
    def is_kept(self) -> bool:
        """Whether every function that was called is promised the objective, and kept it on the later part."""
        promised = all(one.choice.is_kept is not False for one in self.found.functions)
        return promised and self.found.is_kept


def recommended(
    trace: TraceSet, in_force: Mapping[str, str], slo: Slo, minimize: str, defaults: Defaults, effort: Effort
) -> Outcome:
    """Learn on the first part of a trace, and try what was learned on the later one.

    Args:
        in_force: texts of documents, without problems.
        minimize: a measure of each function.

    Raises:
        WrongConfiguration: the trace is too short.
        ScenarioError: documents cannot be compiled for its functions.
    """
    platform = Platform(defaults.service_s, defaults.start_up_s, defaults.concurrency_limit, effort.tick_s)
    parts = _cut(trace, effort.learn, platform)
    site, plan = _site(trace, in_force, platform)
    is_fixed = isinstance(trace.load, Events) and trace.load.durations_s is not None  # no seed would change a request
    seeds = range(1, (1 if is_fixed else effort.seeds) + 1)
    later_seeds = range(LATER_SEED, LATER_SEED + (1 if is_fixed else LATER_SEEDS))
    with local(effort.processes, Trier((parts.learned, parts.later, *parts.stretches))) as pool, _shown() as shown:
        run = _runner(pool, shown)
        shown.told("learning", 0, MOST)
        may_zero = frozenset(one.key for one in site.functions) if effort.may_zero else _going_to_zero(plan)
        learned = search(
            {one.key: Sizing() for one in site.functions},
            evaluate_by(run, site, slo, minimize, seeds, range(2, 2 + len(parts.stretches))),
            effort.margin,
            may_zero,
            lambda done, most: shown.told("learning", done, most),
        )
        sizings = {key: one.sizing for key, one in learned.choices.items() if one.is_kept is not None}
        shown.told("budgets", 0, 1)
        free = [one for (one,) in run([Try(0, (site.free(sizings),), seed) for seed in seeds])]
        tenants = numbers_of(site, learned.choices, free)
        documents = site.documents(sizings, tenants)
        shown.told("the later part", 0, 1)
        tried = run([Try(1, (documents, site.in_force()), seed) for seed in later_seeds])
        later, before = [one for one, _ in tried], [one for _, one in tried]
    found = recommendation(site, slo, minimize, learned.choices, tenants, before, later)
    changes = differences(plan, _plan(trace, {"recommended": joined([yaml_text(one) for one in documents])}))
    return Outcome(
        trace=trace,
        site=site,
        slo=slo,
        minimize=minimize,
        choices=learned.choices,
        found=found,
        changes=changes,
        sizings=sizings,
        simulations=learned.simulations * len(seeds),
        learned_s=parts.learned[0].duration,
        later_s=parts.later[0].duration,
        clumps=parts.clumps,
        is_anything_in_force=bool(in_force),
    )


def _cut(trace: TraceSet, learn: float, platform: Platform) -> Parts:
    ticks = trace.length_s / platform.tick_s
    if ticks > MOST_TICKS:
        wrong = f"a tick of {platform.tick_s:g}s makes {ticks:.0f} of {trace.length_s:g} s"
        raise WrongConfiguration(f"--tick: {wrong}; at most {MOST_TICKS} ticks are allowed")
    try:
        return parts_of(trace, learn, platform)
    except ValueError as error:
        raise WrongConfiguration(f"The trace is too short to learn from a part of it: {error}") from None


def _site(trace: TraceSet, in_force: Mapping[str, str], platform: Platform) -> tuple[Site, Plan]:
    """Say what there is, and which policy each function has."""
    plan = _plan(trace, in_force)
    limits = {one.key: platform.limit(one) for one in trace}
    functions = tuple(
        Sized(key, plan.functions[row].policy, limits[key], None) for row, key in enumerate(plan.fleet.keys)
    )
    tenants = {name: tuple(sorted(one.namespaces)) for name, one in plan.tenants.items()}
    return Site(functions, tenants, Standing.read(in_force)), plan


def _plan(trace: TraceSet, texts: Mapping[str, str]) -> Plan:
    """Compile documents for the functions of a trace; namespaces that nobody claims get a tenant each."""
    policies = load(texts)
    claimed = policies.namespaces
    spaces: dict[str, set[str]] = {}
    for one in trace:
        if one.namespace not in claimed:
            spaces.setdefault(one.tenant, set()).add(one.namespace)
    made = {f"tenant {name}": yaml_text(tenant_document(name, sorted(own))) for name, own in spaces.items()}
    policies = load({**texts, **made}) if made else policies
    deployed = [Deployed(one.key, f"uid-{one.key}", {FUNCTION_LABEL: one.name}, {}) for one in trace]
    return Compiler({}).compile(policies, deployed, trace.begins_utc_s or 0.0)


def _going_to_zero(plan: Plan) -> frozenset[FunctionKey]:
    zero = np.isfinite(plan.fleet.rules.zero_after_s)
    return frozenset(key for key, goes in zip(plan.fleet.keys, zero.tolist(), strict=True) if goes)


def _runner(pool: Pool, shown: "_Shown") -> Run:
    def run(tries: Sequence[Try]) -> Sequence[Sequence[Measured]]:
        work = cast(Callable[[Sequence[Try]], list[list[Measured]]], pool.work)
        futures: list[Future[list[list[Measured]]]] = [pool.executor.submit(work, [one]) for one in tries]
        for done, _ in enumerate(as_completed(futures), 1):
            shown.ran(done, len(futures))
        return [future.result()[0] for future in futures]

    return run


class _Shown:
    """The progress bar: how many candidates, and how many runs of this stage; lines, where there is no terminal."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._said = ""
        self._stage = progress.add_task("learning", total=MOST)
        self._runs = progress.add_task("runs", total=None)

    def told(self, stage: str, done: int, most: int) -> None:
        """Show what is being done, and how far it is."""
        self._progress.update(self._stage, description=stage, completed=done, total=most)
        if self._progress.disable and stage != self._said:
            click.echo(f"{stage} …", err=True)
            self._said = stage

    def ran(self, done: int, of: int) -> None:
        """Show how many runs of those that go side by side are done."""
        self._progress.update(self._runs, completed=done, total=of)
        if self._progress.disable and done == of:
            click.echo(f"  {of} {'run' if of == 1 else 'runs'} done", err=True)


@contextmanager
def _shown() -> Iterator[_Shown]:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield _Shown(progress)
