"""`status --compare`: what an incumbent did, beside what we would have done, from the log of a dry run."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from click.testing import CliRunner, Result

from autoscaler.adapters.decision_log import DecisionLog
from autoscaler.cli import root
from autoscaler.core.controller import Controller
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.journal.step import Step
from autoscaler.core.now import Now
from autoscaler.policy.compile import Compiler
from autoscaler.policy.deployment import Deployed
from autoscaler.policy.loading import load
from autoscaler.policy.provenance import Provenance
from autoscaler.policy.settings import DecisionLogSettings
from tests.unit.core.fleets import observe

TICK_S = 2.0
TICKS = 600
DOCUMENTS = """\
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {name: acme}
spec: {namespaces: [acme], bounds: {allowZero: true}}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {name: other}
spec: {namespaces: [other]}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {name: default, namespace: acme}
spec:
  metrics: [{type: rps, target: 10, utilization: 1}]
  scaleDown: {stabilization: 0s}
  zero: {after: 2m}
"""
KEYS = [FunctionKey("acme", "busy"), FunctionKey("acme", "quiet"), FunctionKey("other", "job")]
Amounts = Callable[[int], list[float]]


def incumbent(number: int) -> list[float]:
    """Nine replicas of `busy` whatever its load, but two for ten ticks; one of the others."""
    return [2.0 if 300 <= number < 310 else 9.0, 1.0, 1.0]


def load_of(number: int) -> list[float]:
    """`busy` needs four, and one in the last third; nobody calls the others."""
    return [40.0 if number < 400 else 10.0, 0.0, 0.0]


def written(
    folder: Path, *, dry_run: bool | None = True, ticks: int = TICKS, is_held: bool = False, hole: range = range(0)
) -> float:
    """Write what a daemon in dry run sees and decides beside an incumbent; give the time of the first tick."""
    ends_s = time.time()
    policies = load({"acme.yaml": DOCUMENTS})
    deployed = [Deployed(key, f"uid-{key}", {"faas_function": key.name}, {}) for key in KEYS]
    plan = Compiler().compile(policies, deployed, ends_s)
    settings = DecisionLogSettings.model_validate({"flush": "0s"})
    log = DecisionLog(str(folder), settings, None, tell=print, dry_run=dry_run)
    log.start()
    controller, begins_s = Controller(None), ends_s - TICK_S * ticks
    for number in range(ticks):
        if number in hole:
            continue
        if number == hole.stop:
            log.begin(Now(TICK_S * number, begins_s + TICK_S * number))
            controller = Controller(None)
        now = Now(TICK_S * number, begins_s + TICK_S * number)
        rps = load_of(number)
        seen = observe(
            plan.fleet,
            incumbent(number),
            rps=rps,
            in_flight=[one / 10 for one in rps],
            is_idle=[one == 0 for one in rps],
            is_held=np.full(3, is_held),
        )
        decisions = controller.step(now, seen, ())
        log.take_step(Step(now, seen, (), decisions), Provenance(policies, deployed))
    log.close()
    return begins_s


class Log(NamedTuple):
    """The log of a dry run: its folder, and the time of its first tick."""

    folder: Path
    begins_s: float


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Log:
    folder = tmp_path_factory.mktemp("log")
    return Log(folder, written(folder))


def run(*arguments: str) -> Result:
    clean: Mapping[str, str | None] = {
        "AUTOSCALER_SERVER": None,
        "AUTOSCALER_DECISION_LOG__PATH": None,
        "COLUMNS": "200",
    }
    return CliRunner().invoke(root, ["status", *arguments], env=clean)


def compared(folder: Path, *arguments: str) -> dict[str, Any]:
    result = run("--compare", "--log", str(folder), "--output", "json", *arguments)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.output)
    return found


def of(found: dict[str, Any], function: str) -> dict[str, Any]:
    (one,) = [one for one in found["functions"] if one["function"] == function]
    result: dict[str, Any] = one
    return result


@pytest.mark.parametrize("is_held", [False, True])
def test_our_own_way_is_counted_and_not_single_steps_from_theirs(tmp_path: Path, is_held: bool) -> None:
    """Beside an incumbent that keeps nine, ours is at the four and the one that load wants, left alone or not."""
    written(tmp_path, is_held=is_held)
    busy = of(compared(tmp_path), "busy")
    # Ours begins with the nine that it found, and at most halves in a tick: 9, 4, 2, 1.
    assert busy["ours"]["changes"] == 3
    assert busy["incumbent"]["changes"] == 2
    assert (busy["ours"]["zeros"], busy["incumbent"]["zeros"]) == (0, 0)
    assert busy["incumbent"]["replica_seconds"] == pytest.approx(9 * 1198 - 7 * 20)
    assert busy["ours"]["replica_seconds"] == pytest.approx(4 * 800 + 398, rel=0.1)


def test_the_moments_at_which_the_incumbent_had_fewer(log: Log) -> None:
    """Ten ticks with two replicas, where load wants four, are one moment with its beginning, end and both numbers."""
    busy = of(compared(log.folder), "busy")
    assert busy["incumbent_fewer"] == {"times": 1, "seconds": 20.0, "replica_seconds": 40.0}
    (moment,) = busy["moments"]
    assert (moment["incumbent"], moment["ours"]) == (2, 4)
    assert moment["until_utc_s"] - moment["from_utc_s"] == pytest.approx(20.0, abs=0.01)
    assert moment["from_utc_s"] == pytest.approx(log.begins_s + 600, abs=0.01)
    words = run("--compare", "--log", str(log.folder)).output
    assert "acme/busy had 2 where we would have had 4" in words


def test_time_at_zero_of_both(log: Log) -> None:
    """What nobody calls would have gone to zero once, where its tenant may; the incumbent never did."""
    found = compared(log.folder)
    quiet, job = of(found, "quiet"), of(found, "job")
    assert (quiet["incumbent"]["zeros"], quiet["incumbent"]["zero_s"]) == (0, 0.0)
    assert quiet["ours"]["zeros"] == 1
    assert 900 < quiet["ours"]["zero_s"] < 1198
    assert (job["ours"]["zeros"], job["ours"]["zero_s"]) == (0, 0.0)


def test_a_tenants_numbers_are_the_sum_of_its_functions(log: Log) -> None:
    """Replicas over time, changes and moments add up; another tenant's are not among them."""
    found = compared(log.folder)
    acme, other = found["tenants"]
    assert (acme["tenant"], other["tenant"]) == ("acme", "other")
    for side in ("incumbent", "ours"):
        parts = [of(found, name)[side] for name in ("busy", "quiet")]
        for number in ("replica_seconds", "changes", "zero_s", "zeros"):
            assert acme[side][number] == pytest.approx(sum(part[number] for part in parts))
    assert acme["incumbent_fewer"]["times"] == 1


def test_only_what_was_asked_for(log: Log) -> None:
    """`--tenant` and `--namespace` leave the others out, and `--last` the time before."""
    assert [one["function"] for one in compared(log.folder, "--tenant", "other")["functions"]] == ["job"]
    assert [one["function"] for one in compared(log.folder, "-n", "acme")["functions"]] == ["busy", "quiet"]
    late = compared(log.folder, "--last", f"{time.time() - log.begins_s - 1080:.0f}s")
    assert late["covered_s"] == pytest.approx(110, abs=12)
    # By then it has been where load wants it for long: what came before is decided too, and not counted.
    assert (of(late, "busy")["ours"]["changes"], of(late, "busy")["ours"]["replica_seconds"]) == (0, late["covered_s"])


def test_a_hole_counts_for_nobody_and_is_said(tmp_path: Path) -> None:
    """Time for which no daemon ran is left out of both sides, and the words say how much is covered."""
    written(tmp_path, hole=range(200, 250))
    found = compared(tmp_path)
    assert found["covered_s"] == pytest.approx(1198 - 102)
    assert of(found, "quiet")["incumbent"]["replica_seconds"] == pytest.approx(1198 - 102)
    words = run("--compare", "--log", str(tmp_path)).output
    assert "of the rest the log has nothing" in words


@pytest.mark.parametrize(
    ("dry_run", "ours"), [(True, []), (False, ["acme/busy", "acme/quiet", "other/job"]), (None, None)]
)
def test_whose_doing_it_was_is_said(tmp_path: Path, dry_run: bool | None, ours: list[str] | None) -> None:
    """A daemon that wrote is compared with itself: those functions are named; an old log does not know, and says so."""
    written(tmp_path, dry_run=dry_run, ticks=20)
    assert compared(tmp_path)["written_by_us"] == ours
    words = run("--compare", "--log", str(tmp_path)).output
    assert ("our own doing" in words) == (ours is not None and bool(ours))
    assert ("does not say whether the daemon was in dry run" in words) == (ours is None)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--compare"], 2, "--log"),
        (["--compare", "--log", "{log}", "--last", "long"], 2, "duration"),
        (["--compare", "--log", "{log}", "--last", "0s"], 2, "above 0"),
        (["--compare", "--log", "{log}", "--reason", "BUDGET"], 2, "--tenant"),
        (["--compare", "--log", "{log}/none"], 2, "decision log"),
        (["--compare", "--log", "{log}", "--tenant", "nobody"], 1, "acme, other"),
        (["--compare", "--log", "{log}", "--last", "1s"], 1, "no tick since"),
        (["--last", "1h"], 2, "--compare"),
    ],
)
def test_bad_input_says_what_is_allowed(tmp_path: Path, arguments: list[str], code: int, words: str) -> None:
    """A question that cannot be answered says what, and what is allowed; never a traceback."""
    written(tmp_path / "log", ticks=20)
    result = run(*(one.replace("{log}", str(tmp_path / "log")) for one in arguments))
    assert result.exit_code == code, result.output
    assert words in result.output
