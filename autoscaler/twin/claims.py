"""What a demo must have shown, judged by the decision records alone."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from autoscaler.core.decisions import DecisionRecord, Decisions
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.now import Now
from autoscaler.core.reasons import Reason
from autoscaler.core.seen import Seen
from autoscaler.core.stages import Stage

_WAKES = frozenset({Reason.WAKE, Reason.WAITING, Reason.ACTIVATION})


class Claim(NamedTuple):
    """One thing to be seen: its code, and what it says to people."""

    code: str
    text: str


SCALED_UP = Claim("scaled-up", "a function was scaled up by its load")
SCALED_DOWN = Claim("scaled-down", "a function was scaled down by its load, not to zero")
ZERO = Claim("zero-with-proof", "a function went to zero, with proof that it was idle")
WOKEN = Claim("woken", "a function at zero was woken by a request and got ready")
CAPPED = Claim("held-at-cap", "a tenant that wanted more was held at its cap")
BOOST_CAME = Claim("boost-came", "an alert's boost raised a function above what its load asked for")
BOOST_EXPIRED = Claim("boost-expired", "the boost ended, and the function went back")
OUTAGE = Claim("nothing-shrank", "Prometheus was silent, and nothing shrank or was woken by that")
LEFT_ALONE = Claim("left-alone", "a database, and a function in a namespace no tenant claims, were left alone")
CLAIMS = (SCALED_UP, SCALED_DOWN, ZERO, WOKEN, CAPPED, BOOST_CAME, BOOST_EXPIRED, OUTAGE, LEFT_ALONE)


@dataclass(frozen=True, slots=True)
class Evidence:
    """The decision that showed a claim; `at_s` counts from the start of the demo, on its clock."""

    at_s: float
    key: FunctionKey
    words: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """A claim, and the first decision that showed it; None: it was not seen, or the opposite was."""

    claim: Claim
    evidence: Evidence | None
    against: str = ""

    @property
    def is_seen(self) -> bool:
        return self.evidence is not None and not self.against


@dataclass(slots=True)
class Outage:
    """A stretch of ticks in which no load at all was known.

    Attributes:
        began_s: first of its ticks.
        ended_s: last of its ticks.
        replicas: replicas asked for when it began, by function.
        cut: functions that a decision lowered meanwhile.
        woken: functions that a tick raised from zero meanwhile.
    """

    began_s: float
    ended_s: float
    replicas: dict[FunctionKey, int]
    cut: set[FunctionKey] = field(default_factory=set)
    woken: set[FunctionKey] = field(default_factory=set)


class Witness:
    """Takes every decision of a run, and tells afterwards which claims its records show.

    Args:
        started: when the demo began.
        outage_s: seconds without any known load that count as the silent Prometheus.
        strangers: Deployments that no decision may be about.
        ready_s: seconds within which a woken function must be ready to count.
    """

    def __init__(
        self, started: Now, outage_s: float, strangers: Collection[FunctionKey], ready_s: float = 10.0
    ) -> None:
        self._started_s = started.monotonic_s
        self._outage_s = outage_s
        self._strangers = frozenset(strangers)
        self._decided: set[FunctionKey] = set()
        self._ready_s = ready_s
        self._found: dict[str, Evidence] = {}
        self._woken: dict[FunctionKey, float] = {}
        self._boosted: dict[FunctionKey, float] = {}
        self._over_cap: list[str] = []
        self._outage: Outage | None = None
        self.outages: list[Outage] = []
        self.ticks = 0
        self.changes = 0

    def take(self, decisions: Decisions) -> None:
        """Look at the records of one step."""
        whole = decisions.whole()
        records = [whole.record(position) for position in range(len(whole.rows))]
        self.changes += len(decisions.changed)
        self._decided.update(record.key for record in records)
        for record in records:
            self._look(record, record.at.monotonic_s - self._started_s)
        if decisions.is_tick and records:
            self.ticks += 1
            at_s = decisions.now.monotonic_s - self._started_s
            self._look_at_caps(records, at_s)
            self._look_at_outage(records, at_s)

    def verdicts(self, written: Collection[FunctionKey] = ()) -> list[Verdict]:
        """Give every claim with what showed it.

        Args:
            written: strangers whose replicas somebody changed, as the cluster has it.
        """
        long = [outage for outage in self.outages if outage.ended_s - outage.began_s >= self._outage_s]
        if long:
            outage = long[0]
            key = max(outage.replicas, key=lambda one: (outage.replicas[one], one))
            words = (
                f"load unknown for {outage.ended_s - outage.began_s:.0f} s, "
                f"{sum(outage.replicas.values())} replicas before and no fewer after ({Reason.UNKNOWN_LOAD.name})"
            )
            self._found[OUTAGE.code] = Evidence(outage.began_s, key, words)
        if self.ticks and self._strangers:
            words = f"{self.ticks} ticks decided on {len(self._decided)} functions, never on a stranger"
            self._found[LEFT_ALONE.code] = Evidence(0.0, min(self._strangers), words)
        strayed = sorted(str(key) for key in {*written, *(self._decided & self._strangers)})
        moved = sorted({str(key) for outage in self.outages for key in outage.cut | outage.woken})
        against = {
            OUTAGE.code: f"cut or woken without known load: {', '.join(moved)}" if moved else "",
            CAPPED.code: "; ".join(self._over_cap[:3]),
            LEFT_ALONE.code: f"decided on or written to: {', '.join(strayed)}" if strayed else "",
        }
        return [Verdict(claim, self._found.get(claim.code), against.get(claim.code, "")) for claim in CLAIMS]

    def _show(self, claim: Claim, record: DecisionRecord, at_s: float, words: str) -> None:
        if claim.code not in self._found:
            self._found[claim.code] = Evidence(at_s, record.key, f"{words} ({record.reason.name})")

    def _look(self, record: DecisionRecord, at_s: float) -> None:
        change = f"{record.requested} → {record.desired}"
        is_known = record.seen in (Seen.VALUE, Seen.PROVEN_ZERO)
        by_load = (
            record.stages[Stage.GUARDS] == record.desired and record.stage_reasons[Stage.GUARDS] != Reason.UNKNOWN_LOAD
        )
        if record.is_tick and by_load and is_known and 0 < record.requested < record.desired:
            self._show(SCALED_UP, record, at_s, change)
        is_cut = record.is_tick and is_known and 0 < record.desired < record.requested
        if is_cut and record.key not in self._boosted:  # the end of a boost is a claim of its own
            self._show(SCALED_DOWN, record, at_s, change)
        if (
            record.seen is Seen.PROVEN_ZERO
            and record.reason is Reason.ZERO_IDLE
            and record.desired == 0 < record.requested
        ):
            self._show(ZERO, record, at_s, change)
        self._look_at_wake(record, at_s, change)
        self._look_at_boost(record, at_s, change)

    def _look_at_wake(self, record: DecisionRecord, at_s: float, change: str) -> None:
        is_wake = bool(_WAKES & set(record.stage_reasons.values()))
        if is_wake and not record.is_tick and record.requested == 0 < record.desired:
            self._woken[record.key] = at_s
        woken_s = self._woken.get(record.key)
        if woken_s is not None and record.ready > 0 and at_s - woken_s <= self._ready_s:
            words = f"0 → 1 between two ticks, ready {at_s - woken_s:.1f} s later"
            self._found.setdefault(WOKEN.code, Evidence(woken_s, record.key, words))

    def _look_at_boost(self, record: DecisionRecord, at_s: float, change: str) -> None:
        is_boosted = record.stage_reasons[Stage.FLOORS] is Reason.BOOST
        if is_boosted and record.requested < record.desired:
            self._boosted.setdefault(record.key, at_s)
            self._show(BOOST_CAME, record, at_s, change)
        is_over = record.key in self._boosted and record.is_tick and not is_boosted
        if is_over and record.desired < record.requested:
            words = f"{change}, {at_s - self._boosted[record.key]:.0f} s after it came"
            self._show(BOOST_EXPIRED, record, at_s, words)

    def _look_at_caps(self, records: Sequence[DecisionRecord], at_s: float) -> None:
        """Judge tenants by the sums over their functions, before and after the budget stage."""
        by_tenant: dict[str, list[DecisionRecord]] = {}
        for record in records:
            by_tenant.setdefault(record.tenant, []).append(record)
        for tenant, own in by_tenant.items():
            cap = own[0].numbers["tenant_cap"]
            if cap is None:
                continue
            given, wanted = sum(r.desired for r in own), sum(r.stages[Stage.LIMITS] for r in own)
            if given > cap:
                self._over_cap.append(f"{tenant} had {given} over its cap of {cap:g} at {at_s:.0f} s")
            bound = [record for record in own if record.reason is Reason.BUDGET]
            if bound and wanted > cap and given == cap:
                words = f"tenant {tenant} wanted {wanted}, its cap is {cap:g}, it got {given}"
                self._show(CAPPED, bound[0], at_s, words)

    def _look_at_outage(self, records: Sequence[DecisionRecord], at_s: float) -> None:
        if any(record.seen is not Seen.UNKNOWN for record in records):
            self._outage = None
            return
        if self._outage is None:
            self._outage = Outage(at_s, at_s, {record.key: record.requested for record in records})
            self.outages.append(self._outage)
        outage = self._outage
        outage.ended_s = at_s
        outage.cut |= {record.key for record in records if record.desired < record.requested}
        outage.woken |= {
            record.key
            for record in records
            if record.requested == 0 < record.desired and not _WAKES & set(record.stage_reasons.values())
        }
