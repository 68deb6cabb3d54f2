"""Seeds of the deterministic simulation: every rule holds, the same seed gives the same bytes, defects are found."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from autoscaler.core.wake_state import WakeState
from tests.deterministic.defects import DEFECTS
from tests.deterministic.runner import run

ROOT = Path(__file__).resolve().parents[2]
SEEDS = 200
BLOCK = 20
HANG_UPS, CROWDS, FLOOD = "requests that hang up", "thousands of requests at once", "one tenant's flood of requests"
MOST_SEEDS = 40
"""Seeds within which a defect must be found; each breaks a rule that many seeds come near to."""


@pytest.mark.parametrize("first", range(0, SEEDS, BLOCK))
def test_every_rule_holds_whatever_goes_wrong(first: int) -> None:
    """Under any faults that a seed draws, no rule is broken, and all is right again soon after the last of them."""
    failed = [str(outcome) for seed in range(first, first + BLOCK) if (outcome := run(seed)).violations]
    assert not failed, "\n\n".join(failed)


def test_a_seed_repeats_to_the_byte() -> None:
    """The same seed gives the same decisions and writes again, in a process whose hashes are others too."""
    here = run(7).digest
    assert run(7).digest == here
    assert run(8).digest != here
    program = "from tests.deterministic.runner import run; print(run(7).digest)"
    again = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "12345"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert again.stdout.strip() == here


@pytest.mark.parametrize(
    ("name", "rule", "first"),
    [
        ("writes-without-any-test", "compare-and-set", 10),
        ("writes-without-testing-the-count", "compare-and-set", 10),
        ("unknown-is-zero", "cut-on-unknown", 0),
        ("lower-bound-is-a-value", "cut-on-unknown", 0),
        ("hears-no-freeze", "frozen", 0),
        ("writes-faster-than-its-bucket", "write-rate", 0),
        ("writes-without-a-lease", "lease", 0),
        ("pools-without-end", "documents", 0),
        ("pools-without-end", "pool", 0),
        ("keeps-what-it-borrowed", "pool", 25),
        ("reads-no-new-documents", "foreign-write", 0),
    ],
)
def test_a_defect_is_found(name: str, rule: str, first: int) -> None:
    """A daemon that is wrong in this way breaks the rule that forbids it, within a few seeds."""
    outcomes = (run(seed, defect=DEFECTS[name]) for seed in range(first, first + MOST_SEEDS))
    assert any(violation.rule == rule for outcome in outcomes for violation in outcome.violations)


@pytest.mark.parametrize(
    ("name", "rule", "first", "only"),
    [
        ("hears-no-wake", "wake", 0, (HANG_UPS,)),
        ("trusts-readiness-alone", "told-ready", 0, (HANG_UPS,)),
        ("keeps-the-place-of-who-hung-up", "place", 4, (CROWDS,)),
        ("holds-for-ever", "wake", 0, ("replicas never ready",)),
        ("wakes-first-come-first-served", "wake", 6, (HANG_UPS, FLOOD)),
        ("wakes-no-chain", "chain", 21, (HANG_UPS, CROWDS)),
        ("sends-away-what-passes", "refused", 0, ()),
        ("says-ready-while-it-cuts", "told-ready", 0, ("requests for what goes to zero",)),
        ("cuts-what-it-said-is-ready", "told-ready", 5, ("requests at the end of a keep-alive",)),
        ("forgets-what-another-one-said", "told-ready", 10, ("SIGTERM", HANG_UPS)),
        ("loses-who-waits-at-the-end-of-a-term", "wake", 12, ("replicas never ready", HANG_UPS, "API server away")),
    ],
)
def test_a_defect_of_wakes_is_found(name: str, rule: str, first: int, only: tuple[str, ...]) -> None:
    """A daemon that answers requests in this wrong way breaks the rule that forbids it, within a few seeds."""
    outcomes = (run(seed, defect=DEFECTS[name], only=only) for seed in range(first, first + MOST_SEEDS))
    assert any(violation.rule == rule for outcome in outcomes for violation in outcome.violations)


@pytest.mark.parametrize(
    ("only", "state"),
    [
        ((CROWDS,), WakeState.READY),
        ((CROWDS,), WakeState.FULL),
        (("replicas never ready",), WakeState.NOT_READY),
        ((), WakeState.MOVED),
    ],
)
def test_requests_end_in_every_way(only: tuple[str, ...], state: WakeState) -> None:
    """Seeds bring requests that are served, held in vain, without a place, and sent on to another daemon."""
    assert any(run(seed, only=only).answers.get(state) for seed in range(8))


def test_a_failing_seed_says_how_to_replay_it() -> None:
    """What a failing seed prints names the one command that replays it, what was drawn, and what was broken."""
    outcomes = (run(seed, defect=DEFECTS["unknown-is-zero"]) for seed in range(MOST_SEEDS))
    outcome = next(outcome for outcome in outcomes if outcome.violations)
    words = str(outcome)
    assert f"python -m tests.deterministic --seed {outcome.seed} --trace" in words
    assert all(fault in words for fault in outcome.faults)
    assert str(outcome.violations[0]) in words
    assert outcome.account, "the last decisions on the function are told too"
