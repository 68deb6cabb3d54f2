"""What a replay came to, function by function, beside what was recorded."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace

import numpy as np

from autoscaler.core.columns import Floats, Ints
from autoscaler.core.decisions import Decisions
from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.core.now import Now
from autoscaler.core.reasons import REASON_OF, Reason
from autoscaler.simulator.replay.shortfalls import Fewer, Shortfalls


@dataclass(slots=True)
class Side:
    """One side of the comparison, the recorded or the replayed.

    Attributes:
        replica_seconds: replicas asked for, over time.
        changes: ticks at which they were another number than the tick before.
        zero_s: seconds for which none were asked for.
        zeros: times that none were asked for from then on; each is a cold start when a request comes.
    """

    replica_seconds: float = 0.0
    changes: int = 0
    zero_s: float = 0.0
    zeros: int = 0

    def add(self, other: "Side") -> None:
        """Add another's."""
        for one in fields(Side):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))


@dataclass(frozen=True, slots=True)
class First:
    """The first tick at which a function would have been given another number.

    Attributes:
        utc_s: when.
        recorded: replicas that were decided; of a span of a Prometheus, those there were.
        replayed: replicas that the other policies decide.
        recorded_reason: the code that bound then; None: nobody wrote it down.
        replayed_reason: the code that binds now.
    """

    utc_s: float
    recorded: int
    replayed: int
    recorded_reason: str | None
    replayed_reason: str


@dataclass(slots=True)
class Account:
    """One function.

    Attributes:
        tenant: its tenant under the other documents.
        ticks: ticks at which both sides decided.
        differing: of them those with another number.
        first: the first of those; None: there is none.
        fewer: when fewer were asked for than the replay asked for.
    """

    tenant: str
    recorded: Side
    replayed: Side
    ticks: int = 0
    differing: int = 0
    first: First | None = None
    fewer: Fewer = field(default_factory=Fewer)

    def add(self, other: "Account") -> None:
        """Add another function's numbers; moments stay those of each."""
        self.recorded.add(other.recorded)
        self.replayed.add(other.replayed)
        self.ticks += other.ticks
        self.differing += other.differing
        self.fewer.add(replace(other.fewer, moments=[]))


def by_tenant(accounts: Mapping[FunctionKey, Account]) -> Mapping[str, Account]:
    """Add up the accounts of each tenant's functions, by its name."""
    found: dict[str, Account] = {}
    for one in accounts.values():
        found.setdefault(one.tenant, Account(one.tenant, Side(), Side())).add(one)
    return dict(sorted(found.items()))


class Accounts:
    """Adds up columns tick by tick, and into accounts when the fleet changes.

    Attributes:
        covered_s: seconds that are counted; what lies in a gap is not.
        first_utc_s: UTC seconds of the first tick that was counted; None: there is none.
        last_utc_s: likewise, of the last.
    """

    def __init__(self) -> None:
        self.covered_s = 0.0
        self.first_utc_s: float | None = None
        self.last_utc_s: float | None = None
        self._of: dict[FunctionKey, Account] = {}
        self._segment: _Segment | None = None

    def follow(self, replayed: Fleet) -> None:
        """Go on with another fleet of the replay."""
        after = _Segment(replayed, self._segment)
        self._close()
        self._segment = after

    def pause(self) -> None:
        """Let the time up to the next tick count for nothing: what was then is not known."""
        if self._segment is not None:
            self._segment.pause()

    def tick(self, now: Now, was: Decisions | None, now_is: Decisions, had: Floats, has: Floats, rows: Ints) -> None:
        """Count a tick.

        Args:
            was: what was decided; None: nobody wrote it down, and what was found then stands for it.
            now_is: what the replay decided.
            had: `(functions,) float64`, replicas found then, in the replay's rows; nan: not known.
            has: likewise, replicas that the replay has.
            rows: row of each function in the recorded fleet.
        """
        if self._segment is None:
            return
        self.covered_s += self._segment.tick(now, was, now_is, had, has, rows)
        self.first_utc_s = now.utc_s if self.first_utc_s is None else self.first_utc_s
        self.last_utc_s = now.utc_s

    def finished(self) -> Mapping[FunctionKey, Account]:
        """Give every function's account, by name."""
        self.pause()
        self._close()
        self._segment = None
        return {key: self._of[key] for key in sorted(self._of)}

    def _close(self) -> None:
        segment = self._segment
        if segment is None:
            return
        for row, key in enumerate(segment.replayed.keys):
            tenant = segment.replayed.tenants[int(segment.replayed.tenant[row])]
            account = self._of.setdefault(key, Account(tenant, Side(), Side()))
            segment.add_to(account, row)


class _Segment:
    """Sums over the ticks of one pair of fleets."""

    def __init__(self, replayed: Fleet, before: "_Segment | None") -> None:
        count = len(replayed)
        self.replayed = replayed
        self.last_s = np.nan
        self.shortfalls = Shortfalls(count)
        self._decided = np.full((2, count), np.nan)
        self._reasons = np.zeros((2, count), np.uint8)
        self._had = np.full((2, count), np.nan)
        self._sums = np.zeros((2, 4, count))
        self._counts = np.zeros((2, count), np.int64)
        self._first = np.full((3, count), np.nan)
        self._first_reasons = np.zeros((2, count), np.uint8)
        self._is_written = True
        if before is not None:
            self._carry(before)

    def pause(self) -> None:
        self.last_s = np.nan
        self.shortfalls.end()

    def tick(self, now: Now, was: Decisions | None, now_is: Decisions, had: Floats, has: Floats, rows: Ints) -> float:
        """Count a tick; give the seconds since the last one, 0 where nothing is known of them."""
        passed_s = max(0.0, float(np.nan_to_num(now.monotonic_s - self.last_s)))
        self.last_s = now.monotonic_s
        for side, replicas in enumerate((had, has)):
            if passed_s > 0:
                before = np.nan_to_num(self._had[side])
                self._sums[side, 0] += before * passed_s
                self._sums[side, 2] += (self._had[side] == 0) * passed_s
            is_other = ~np.isnan(self._had[side]) & ~np.isnan(replicas) & (replicas != self._had[side])
            self._sums[side, 1] += is_other
            self._sums[side, 3] += is_other & (replicas == 0)
            self._had[side] = replicas
        self.shortfalls.tick(now, had, has, passed_s)
        self._note(was, now_is, had, rows)
        both = ~np.isnan(self._decided).any(axis=0)
        unlike = both & (self._decided[0] != self._decided[1])
        self._counts[0] += both
        self._counts[1] += unlike
        fresh = np.flatnonzero(unlike & np.isnan(self._first[0]))
        self._first[0, fresh] = now.utc_s
        self._first[1:, fresh] = self._decided[:, fresh]
        self._first_reasons[:, fresh] = self._reasons[:, fresh]
        return passed_s

    def add_to(self, account: Account, row: int) -> None:
        """Add a function's sums to its account."""
        for side, total in enumerate((account.recorded, account.replayed)):
            replica_seconds, changes, zero_s, zeros = self._sums[side, :, row].tolist()
            total.add(Side(replica_seconds, int(changes), zero_s, int(zeros)))
        account.fewer.add(self.shortfalls.of(row))
        account.ticks += int(self._counts[0, row])
        account.differing += int(self._counts[1, row])
        if account.first is None and not np.isnan(self._first[0, row]):
            utc_s, recorded, replayed = self._first[:, row].tolist()
            reasons = [REASON_OF[code].name for code in self._first_reasons[:, row].tolist()]
            account.first = First(
                utc_s, int(recorded), int(replayed), reasons[0] if self._is_written else None, reasons[1]
            )

    def _carry(self, before: "_Segment") -> None:
        """Take over what functions had before, so that the time up to the next tick counts."""
        self.last_s = before.last_s
        pairs = [(row, before.replayed.row_of.get(key)) for row, key in enumerate(self.replayed.keys)]
        known = np.array([(row, old) for row, old in pairs if old is not None], np.int64).reshape(-1, 2)
        self._had[:, known[:, 0]] = before._had[:, known[:, 1]]
        self.shortfalls.carry(before.shortfalls, known)

    def _note(self, was: Decisions | None, now_is: Decisions, had: Floats, rows: Ints) -> None:
        """Note the decision on each function; those that a tick leaves out are at rest."""
        self._is_written = was is not None
        if was is None:
            self._decided[0] = had
        for side, (decisions, at) in enumerate(((was, rows), (now_is, np.arange(len(self.replayed))))):
            if decisions is not None:
                self._decided[side] = decisions.of_rows(decisions.desired, at)
                self._reasons[side] = decisions.of_rows(decisions.reason, at, Reason.ZERO_IDLE)
