"""What is not so of functions, judged by a cluster and its sources: who is not seen, cut off, or not held to its cap."""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.caps import CAP_NOT_ENFORCED, cap_of
from autoscaler.policy.deployment import Deployed
from autoscaler.policy.live_checks import Finding
from autoscaler.policy.plan import Plan
from autoscaler.policy.problems import Problem
from autoscaler.policy.quantities import format_duration
from autoscaler.policy.source_settings import GatewaySettings

_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Running:
    """A function of the cluster, and how it stands.

    Attributes:
        deployed: what its Deployment says.
        replicas: replicas that there are or shall be, whichever is more.
    """

    deployed: Deployed
    replicas: int


def unseen_findings(
    served: Collection[FunctionKey], seen: Collection[FunctionKey], gateways: str, has_alive: bool
) -> Iterator[Finding]:
    """Name the functions of which no series speaks.

    Args:
        served: functions that these gateways serve.
        seen: those that some series names.
        gateways: what they are called.
        has_alive: whether they name functions that nobody ever called; else silence may only mean that.
    """
    missing = tuple(sorted(set(served) - set(seen)))
    if missing:
        wrong = f"{_count(missing)} named by no series of {gateways}"
        why = "a function that the gateway knows" if has_alive else "a function that was called at least once"
        allowed = f"{why}, under the name and namespace of its Deployment"
        problem = Problem(place_of(missing), None, "", wrong, allowed, "FunctionNotSeen")
        yield Finding(
            problem, "The load is unknown: what runs is kept, and nothing goes to zero.", missing, not has_alive
        )


def grace_findings(path: str, gateway: GatewaySettings, served: Iterable[Running]) -> Iterator[Finding]:
    """Name functions whose replicas are killed before the longest request that the gateway lets run has ended."""
    by_grace: dict[float, list[FunctionKey]] = defaultdict(list)
    for one in served:
        if one.deployed.termination_grace_s < gateway.request_timeout:
            by_grace[one.deployed.termination_grace_s].append(one.deployed.key)
    longest = format_duration(gateway.request_timeout)
    for grace_s, keys in sorted(by_grace.items()):
        functions = tuple(sorted(keys))
        wrong = f"terminationGracePeriodSeconds is {grace_s:g}, but {path} lets a request run for {longest}"
        allowed = f"{math.ceil(gateway.request_timeout)} and more, or a shorter requestTimeout"
        problem = Problem(place_of(functions), None, _GRACE, wrong, allowed, "GraceTooShort")
        lost = "A scale-down or a deploy cuts off requests that take longer."
        yield Finding(problem, lost, functions, is_warning=True)


def linger_findings(plan: Plan, running: Mapping[FunctionKey, Running]) -> Iterator[Finding]:
    """Name functions that may go to zero and whose replicas end without a pause.

    A request that is on its way while nodes still lead it to a replica that shall end finds that it has closed its
    port, or its connection cut: the one is woken for by a gateway, the other is lost.
    """
    may_go = np.flatnonzero(np.isfinite(plan.fleet.rules.zero_after_s)).tolist()
    keys = (plan.fleet.keys[row] for row in may_go)
    functions = tuple(key for key in keys if key in running and not running[key].deployed.lingers)
    if functions:
        wrong = "goes to zero, and no container has a preStop: its last replica may end while requests still reach it"
        allowed = (
            "lifecycle.preStop.sleep of a few seconds, or a server that waits so long after SIGTERM before it closes"
        )
        problem = Problem(place_of(functions), None, _PRE_STOP, wrong, allowed, "EndsAtOnce")
        yield Finding(problem, "A request that comes as it goes to zero may be cut off.", functions, is_warning=True)


_PRE_STOP = "spec.template.spec.containers[].lifecycle.preStop"
_GRACE = "spec.template.spec.terminationGracePeriodSeconds"


def cap_findings(
    plan: Plan,
    running: Mapping[FunctionKey, Running],
    concurrency: Mapping[FunctionKey, float],
    in_flight: Mapping[FunctionKey, float],
) -> Iterator[Finding]:
    """Name functions that do not take what their policy's `concurrencyLimit` says, and caps that a rollout exceeds.

    Args:
        concurrency: mean requests in flight, of functions of which it is known.
        in_flight: requests in flight now, likewise.
    """
    rules = plan.fleet.rules
    by_words: dict[str, list[FunctionKey]] = defaultdict(list)
    for row, key in enumerate(plan.fleet.keys):
        one = running.get(key)
        if one is None:
            continue
        cap = cap_of(
            float(rules.concurrency_limit[row]),
            one.deployed.enforced_limit,
            one.deployed.may_queue,
            concurrency=concurrency.get(key),
            in_flight=in_flight.get(key),
            replicas=one.replicas,
        )
        if cap.state.is_difference:
            by_words[cap.words or ""].append(key)
    for words, keys in sorted(by_words.items()):
        functions = tuple(keys)
        wrong, _, allowed = words.partition(". ")
        problem = Problem(place_of(functions), None, "concurrencyLimit", wrong, allowed.rstrip("."), CAP_NOT_ENFORCED)
        yield Finding(problem, "concurrencyCap and budget.concurrency do not hold for it.", functions)
    yield from _surges(plan, running)


def _surges(plan: Plan, running: Mapping[FunctionKey, Running]) -> Iterator[Finding]:
    """Name functions of which a rollout may run more replicas than caps have room for."""
    fleet, rules = plan.fleet, plan.fleet.rules
    shared = [plan.tenants[name].budget.concurrency.cap for name in fleet.tenants]
    by_words: dict[tuple[str, str], list[FunctionKey]] = defaultdict(list)
    for row, key in enumerate(fleet.keys):
        one, limit, cap = running.get(key), float(rules.concurrency_limit[row]), float(rules.concurrency_cap[row])
        if one is None or not math.isfinite(limit):
            continue
        most = int(min(cap // limit if math.isfinite(cap) else one.replicas, float(rules.max_replicas[row])))
        more = one.deployed.surge.of(most)
        wrong = (
            f"a rollout of {most} replicas runs {most + more}, which take {(most + more) * limit:g} requests at once"
        )
        if math.isfinite(cap) and (most + more) * limit > cap:
            by_words[wrong, f"concurrencyCap {cap:g}"].append(key)
        elif more and shared[fleet.tenant[row]] is not None:
            by_words[wrong, "budget.concurrency of its tenant, which counts replicas asked for"].append(key)
    for (wrong, name), keys in sorted(by_words.items()):
        functions = tuple(keys)
        allowed = f"maxSurge 0 or strategy Recreate, to stay within {name} (see docs/caps.md)"
        problem = Problem(place_of(functions), None, "spec.strategy", wrong, allowed, "SurgeAboveCap")
        yield Finding(problem, "While it is rolled out, that cap does not hold.", functions, is_warning=True)


def place_of(functions: Sequence[FunctionKey]) -> str:
    """Name functions for a message: the first few, and how many more there are."""
    names = ", ".join(str(key) for key in functions[:_MOST_NAMED])
    more = len(functions) - _MOST_NAMED
    return f"{names} and {more} more" if more > 0 else names


def _count(functions: Sequence[FunctionKey]) -> str:
    return "is" if len(functions) == 1 else f"these {len(functions)} are"
