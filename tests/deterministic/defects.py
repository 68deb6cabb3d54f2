"""Defects put into the daemon on purpose: whoever tests the tests must see that seeds fail."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from unittest import mock

import numpy as np

from autoscaler.core import holds
from autoscaler.core.events import BoostFiring, Effect, Event, Wake
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.holds import Holds
from autoscaler.core.observation import Load
from autoscaler.daemon import term, waking
from autoscaler.daemon.events import EventQueue
from autoscaler.daemon.fairness import Line
from autoscaler.daemon.held import HeldRequests
from autoscaler.daemon.present import Present
from autoscaler.daemon.writes import WriteScheduler
from autoscaler.policy.settings import Settings

Operations = Sequence[dict[str, object]]


@dataclass(frozen=True, slots=True)
class Defect:
    """A way in which a daemon may be wrong.

    Attributes:
        name: how it is asked for.
        write: changes what a write says.
        load: changes what is known of a load.
        events: changes what the controller hears of wakes and alerts.
        settings: changes the settings that the daemon goes by, not those that it is judged by.
        reads_documents: it hears of changes of its policy folder.
        leads_always: it takes itself for the holder of the Lease, whatever that says.
        dials: it tries whether functions can be reached.
        replaced: parts of its code that are others: of what, by which name, what stands there.
    """

    name: str
    write: Callable[[Operations], Operations] | None = None
    load: Callable[[Load], Load] | None = None
    events: Callable[[Sequence[Event]], Sequence[Event]] = lambda events: events
    settings: Callable[[Settings], Settings] = lambda settings: settings
    reads_documents: bool = True
    leads_always: bool = False
    dials: bool = True
    replaced: Sequence[tuple[object, str, object]] = ()

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Put it into the code of every daemon of a run."""
        with ExitStack() as stack:
            for owner, name, replacement in self.replaced:
                stack.enter_context(mock.patch.object(owner, name, replacement))
            yield


def _untested(operations: Operations) -> Operations:
    return [operation for operation in operations if operation["op"] != "test"]


def _untested_count(operations: Operations) -> Operations:
    return [operation for operation in operations if operation["path"] != "/spec/replicas" or operation["op"] != "test"]


def _zero_for_unknown(load: Load) -> Load:
    unknown = ~np.isfinite(load.rps) | ~np.isfinite(load.concurrency)
    return replace(
        load,
        rps=np.nan_to_num(load.rps),
        concurrency=np.nan_to_num(load.concurrency),
        in_flight=np.nan_to_num(load.in_flight),
        is_covered=load.is_covered | unknown,
        is_idle=load.is_idle | unknown,
    )


def _covered(load: Load) -> Load:
    return replace(load, is_covered=np.isfinite(load.rps))


def _without_freezes(events: Sequence[Event]) -> Sequence[Event]:
    return [one for one in events if not (isinstance(one, BoostFiring) and one.effect is Effect.FREEZE)]


def _hasty(settings: Settings) -> Settings:
    quick = {"writes_per_second": 200.0, "write_burst": 500}
    return settings.model_copy(update={"kubernetes": settings.kubernetes.model_copy(update=quick)})


def _boundless(settings: Settings) -> Settings:
    return _with_pools(settings, replicas=None)


def _holding_on(settings: Settings) -> Settings:
    return _with_pools(settings, hold=3600.0)


def _with_pools(settings: Settings, **changes: object) -> Settings:
    pools = {name: pool.model_copy(update=changes) for name, pool in settings.pools.items()}
    return settings.model_copy(update={"pools": pools})


def _without_wakes(events: Sequence[Event]) -> Sequence[Event]:
    return [one for one in events if not isinstance(one, Wake)]


def _first_come(line: Line[FunctionKey], tenant: str, keys: Iterable[FunctionKey], now_s: float) -> None:
    """Put everybody into one queue."""
    _JOIN(line, "everybody", keys, now_s)


_JOIN = Line.join

SOUND = Defect("none")

DEFECTS: Mapping[str, Defect] = {
    defect.name: defect
    for defect in (
        Defect("writes-without-any-test", write=_untested),
        Defect("writes-without-testing-the-count", write=_untested_count),
        Defect("unknown-is-zero", load=_zero_for_unknown),
        Defect("lower-bound-is-a-value", load=_covered),
        Defect("hears-no-freeze", events=_without_freezes),
        Defect("writes-faster-than-its-bucket", settings=_hasty),
        Defect("writes-without-a-lease", leads_always=True),
        Defect("pools-without-end", settings=_boundless),
        Defect("keeps-what-it-borrowed", settings=_holding_on),
        Defect("reads-no-new-documents", reads_documents=False),
        Defect("hears-no-wake", events=_without_wakes),
        Defect("trusts-readiness-alone", dials=False),
        Defect("keeps-the-place-of-who-hung-up", replaced=[(HeldRequests, "_hang_up", lambda held, hold: None)]),
        Defect("holds-for-ever", replaced=[(waking._Asked, "left_s", lambda asked, longest_s, now_s: 90.0)]),
        Defect("wakes-first-come-first-served", replaced=[(Line, "join", _first_come)]),
        Defect("wakes-no-chain", replaced=[(term, "started_with", lambda plan, rows: [])]),
        Defect(
            "sends-away-what-passes",
            replaced=[(holds, "is_held_on", lambda reason: False)],
        ),
        Defect(
            "says-ready-while-it-cuts",
            replaced=[
                (WriteScheduler, "is_ending", lambda writes, key: False),
                (Present, "staying", Present.ready),
                (Present, "is_leaving", lambda present, key: False),
            ],
        ),
        Defect("cuts-what-it-said-is-ready", replaced=[(EventQueue, "touch", lambda events, key: None)]),
        Defect("forgets-what-another-one-said", replaced=[(term, "promised", lambda plan, requested: ())]),
        Defect("loses-who-waits-at-the-end-of-a-term", replaced=[(Holds, "moved", lambda holds: [])]),
    )
}
