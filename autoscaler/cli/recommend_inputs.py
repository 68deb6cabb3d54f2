"""What a recommendation is made from: a trace, and the documents in force."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from autoscaler.cli.errors import NotSo, WrongConfiguration
from autoscaler.cli.policy_files import texts_of
from autoscaler.policy.loading import load
from autoscaler.simulator.trace_sets.trace_set import TraceSet


@dataclass(frozen=True, slots=True)
class Defaults:
    """What is taken where a trace does not know it.

    Attributes:
        service_s: mean service time.
        start_up_s: until a replica is ready.
        concurrency_limit: requests that a replica serves at once.
    """

    service_s: float
    start_up_s: float
    concurrency_limit: int


def documents_in_force(path: Path) -> Mapping[str, str]:
    """Read documents that must be without problems.

    Raises:
        WrongConfiguration: they cannot be read, or used.
    """
    texts = texts_of("--policies", path)
    if problems := load(texts).problems:
        raise WrongConfiguration("The policies in force cannot be used:", problems)
    return texts


def of_namespaces(found: TraceSet, namespaces: Collection[str] | None) -> TraceSet:
    """Give the functions of some namespaces; None: of all.

    Raises:
        NotSo: it has no requests of theirs.
    """
    if namespaces is not None:
        found = found.chosen([place for place, one in enumerate(found) if one.namespace in namespaces])
    if not len(found) or found.load is None or not found.totals().any():
        raise NotSo(f"{found.source} has no requests of these functions.")
    return found
