"""What the demo of budgets must have shown, judged by the accounts of its ticks alone."""

from collections.abc import Collection

from autoscaler.core.decisions import Decisions
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.now import Now
from autoscaler.core.reasons import Reason
from autoscaler.twin.budget_fight import BADGE, CHECKOUT, ENCODE, FLOODING, HEAVY, LENDER, POOL, PRIVATE, SCAN
from autoscaler.twin.claims import Claim, Evidence, Verdict

BORROWED = Claim("borrowed", "a tenant in need used what a sleeping one had guaranteed and lent")
SHARED = Claim(
    "shared-by-weight", "two who wanted more shared what nobody had guaranteed 2 to 1, to within one replica"
)
RECLAIMED = Claim("reclaimed", "the lender woke and got its guarantee at once; the borrowers gave it back")
LENT_AGAIN = Claim("lent-again", "the lender slept again, and what it had was used again")
KEPT = Claim("kept-private", "what a tenant does not lend nobody else used")
GUARANTEED = Claim("guaranteed", "no tenant ever had less than it asked for within its guarantee")
ADDED_UP = Claim(
    "added-up", "in every tick the numbers added up, and no more was in use than the pool has and what was borrowed"
)
CLAIMS = (BORROWED, SHARED, RECLAIMED, LENT_AGAIN, KEPT, GUARANTEED, ADDED_UP)


class BudgetWitness:
    """Takes every decision of a run, and tells afterwards which claims its accounts show.

    Args:
        started: when the demo began.

    Attributes:
        ticks: full ticks.
        changes: decisions that changed replicas.
    """

    def __init__(self, started: Now) -> None:
        self._started_s = started.monotonic_s
        self._found: dict[str, Evidence] = {}
        self._against: dict[str, str] = {}
        self._lent_at_most = 0.0
        self._is_awake = False
        self.ticks = 0
        self.changes = 0

    def take(self, decisions: Decisions) -> None:
        """Look at the account of one step."""
        self.changes += len(decisions.changed)
        accounts, names = decisions.accounts, decisions.fleet.tenants
        at_s = decisions.now.monotonic_s - self._started_s
        if decisions.is_tick:
            self.ticks += 1
        if accounts is None or at_s < 0 or not {LENDER, FLOODING, HEAVY, PRIVATE} <= set(names):
            return
        columns = {
            "guarantee": decisions.fleet.budgets.guarantee,
            **{name: getattr(accounts, name) for name in ("asked", "granted", "charged", "borrowed", "lent", "bound")},
        }
        self._look(
            {name: {key: float(column[row]) for key, column in columns.items()} for row, name in enumerate(names)}, at_s
        )

    def verdicts(self, written: Collection[FunctionKey] = ()) -> list[Verdict]:
        """Give every claim with what showed it; nobody is a stranger here."""
        del written
        return [Verdict(claim, self._found.get(claim.code), self._against.get(claim.code, "")) for claim in CLAIMS]

    def _look(self, of: dict[str, dict[str, float]], at_s: float) -> None:
        self._look_at_sums(of, at_s)
        lender, flooding, heavy = of[LENDER], of[FLOODING], of[HEAVY]
        if lender["lent"] > 0 and flooding["borrowed"] > 0:
            words = (
                f"{FLOODING} had {flooding['borrowed']:g} above its guarantee, {lender['lent']:g} of them {LENDER}'s"
            )
            self._show(BORROWED, ENCODE, at_s, words)
        above = [one["granted"] - one["guarantee"] for one in (heavy, flooding)]
        if heavy["bound"] == flooding["bound"] == Reason.POOL and abs(above[0] - 2 * above[1]) <= 2 and min(above) > 0:
            self._show(SHARED, SCAN, at_s, f"{HEAVY} {above[0]:g} and {FLOODING} {above[1]:g} above their guarantees")
        self._look_at_lender(lender, flooding["granted"] + heavy["granted"], at_s)

    def _look_at_lender(self, lender: dict[str, float], used: float, at_s: float) -> None:
        is_whole = lender["granted"] >= lender["guarantee"] and lender["lent"] == 0
        if self._lent_at_most > 0 and is_whole and not self._is_awake:
            self._is_awake = True
            words = f"{LENDER} asked for {lender['asked']:g} and got {lender['granted']:g}, which others had used"
            self._show(RECLAIMED, CHECKOUT, at_s, words)
        if self._is_awake and lender["lent"] > 0:
            self._show(
                LENT_AGAIN, CHECKOUT, at_s, f"{lender['lent']:g} of {LENDER}'s in use by others, who had {used:g}"
            )
        self._lent_at_most = max(self._lent_at_most, lender["lent"])

    def _look_at_sums(self, of: dict[str, dict[str, float]], at_s: float) -> None:
        for name, one in of.items():
            if one["granted"] < min(one["asked"], one["guarantee"]):
                self._against.setdefault(GUARANTEED.code, f"{name} had {one['granted']:g} at {at_s:.0f} s")
            if one["granted"] > one["asked"]:
                self._against.setdefault(ADDED_UP.code, f"{name} got more than it asked for at {at_s:.0f} s")
        self._show(GUARANTEED, BADGE, at_s, "every tick from here on")
        used, borrowed = (sum(one[column] for one in of.values()) for column in ("charged", "borrowed"))
        if used > POOL + borrowed:
            self._against.setdefault(ADDED_UP.code, f"{used:g} of {POOL} in use at {at_s:.0f} s")
        self._show(ADDED_UP, BADGE, at_s, f"{used:g} of {POOL} in use, {borrowed:g} of them borrowed, and so on")
        private = of[PRIVATE]
        if private["lent"] > 0:
            self._against.setdefault(KEPT.code, f"{private['lent']:g} of {PRIVATE}'s were used at {at_s:.0f} s")
        if private["granted"] < private["guarantee"] and of[FLOODING]["bound"] == Reason.POOL:
            words = f"{PRIVATE} used {private['granted']:g} of {private['guarantee']:g} while {FLOODING} wanted more"
            self._show(KEPT, BADGE, at_s, words)

    def _show(self, claim: Claim, key: FunctionKey, at_s: float, words: str) -> None:
        self._found.setdefault(claim.code, Evidence(at_s, key, words))
