"""Mutate the core's stages, run its unit tests on each mutant in a copy, and name those that no test notices.

`python -m tests.mutation` tries one mutant of each stage; `--all` tries every one; `--stage NAME` chooses stages.
Exit 1 where a mutant survives that is not listed in `equivalent.py`.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tests.mutation.equivalent import EQUIVALENT
from tests.mutation.mutants import Mutant, mutants_of

ROOT = Path(__file__).parents[2]
CORE, TESTS = Path("autoscaler/core"), Path("tests/unit/core")
DEADLINE_S = 60.0
"""A mutant may loop for ever; one that takes so long is noticed, too."""

STAGES: dict[str, tuple[str, ...]] = {
    "demand": ("demand", "test_further_metrics", "test_controller"),
    "panic": ("panic",),
    "wanting": ("test_behavior", "test_unknown_and_obstacles", "test_panic", "test_further_metrics"),
    "guards": ("guards",),
    "floors": ("test_floors_idle_limits_mask",),
    "idle": ("test_floors_idle_limits_mask",),
    "limits": ("test_floors_idle_limits_mask",),
    "mask": ("test_floors_idle_limits_mask",),
    "budget": ("budget",),
    "blast_radius": ("blast_radius", "test_controller"),
    "lookback": ("lookback", "test_behavior"),
    "falls": ("test_lookback",),
    "rate_policies": ("rate_policies", "test_behavior"),
    "own_changes": ("test_rate_policies", "test_behavior"),
    "windows": ("windows", "test_further_metrics"),
    "samples": ("test_windows",),
    "calendar": ("test_calendar_and_first_sight",),
    "rest": ("test_rest_and_carry_over",),
    "between": ("test_controller", "test_boosts"),
    "tick": ("test_controller", "test_calendar_and_first_sight"),
    "memory": ("test_rest_and_carry_over", "test_calendar_and_first_sight"),
    "sight": ("test_unknown_and_obstacles", "test_controller"),
    "rounding": ("test_demand",),
}
"""Module of each stage, and the tests that are tried first; the others follow."""


class Outcome(NamedTuple):
    """What became of one mutant."""

    stage: str
    mutant: Mutant
    is_noticed: bool
    why: str | None


def chosen(stages: list[str], *, is_all: bool) -> Iterator[tuple[str, Mutant]]:
    """Give the mutants to be tried: of each stage all, or the one in its middle that is not known to be equivalent."""
    for stage in stages:
        found = list(mutants_of((ROOT / CORE / f"{stage}.py").read_text()))
        if not is_all:
            real = [mutant for mutant in found if (stage, mutant.after) not in EQUIVALENT]
            found = real[len(real) // 2 :][:1]
        for mutant in found:
            yield stage, mutant


def stale(stages: list[str]) -> list[tuple[str, str]]:
    """Give listed mutants of these stages that are no longer any."""
    found = {(stage, mutant.after) for stage, mutant in chosen(stages, is_all=True)}
    return [listed for listed in EQUIVALENT if listed[0] in stages and listed not in found]


def tried(stage: str, mutant: Mutant) -> Outcome:
    """Run the tests on one mutant, unless it is known to be equivalent."""
    why = EQUIVALENT.get((stage, mutant.after))
    if why is not None:
        return Outcome(stage, mutant, False, why)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for part in ("autoscaler", "tests"):
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", copy)
        (copy / CORE / f"{stage}.py").write_text(mutant.source)
        return Outcome(stage, mutant, not _passes(copy, _files(stage)), None)


def _files(stage: str) -> list[str]:
    """Give the test files, those first that are most likely to fail."""
    first = [TESTS / f"{name if name.startswith('test_') else f'test_{name}'}.py" for name in STAGES[stage]]
    others = sorted(path.relative_to(ROOT) for path in (ROOT / TESTS).glob("test_*.py"))
    rest = [path for path in others if path not in first and "journal" not in path.name]
    return [str(path) for path in (*first, *rest)]


def _passes(copy: Path, files: list[str]) -> bool:
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-n0", "-p", "no:randomly", "-p", "no:cacheprovider", *files]
    environment = os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        ran = subprocess.run(command, cwd=copy, env=environment, capture_output=True, timeout=DEADLINE_S, check=False)
    except subprocess.TimeoutExpired:
        return False
    return ran.returncode == 0


def main() -> int:
    """Try the mutants that were asked for, and tell each outcome."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--stage", action="append", choices=sorted(STAGES), help="this stage alone; may be repeated")
    parser.add_argument("--all", action="store_true", help="every mutant, not one of each stage")
    parser.add_argument("--jobs", type=int, default=1, help="mutants at a time (default: 1)")
    given = parser.parse_args()
    stages = given.stage or list(STAGES)
    if not _passes(ROOT, _files(stages[0])):
        print("The tests fail without any mutant: nothing can be learned from them.")
        return 1
    survivors = 0
    with ThreadPoolExecutor(given.jobs) as pool:
        for outcome in pool.map(lambda pair: tried(*pair), chosen(stages, is_all=given.all)):
            survivors += not outcome.is_noticed and outcome.why is None
            _tell(outcome)
    for stage, after in stale(stages):
        print(f"equivalent.py names a mutant that is none: {stage}: {after}")
    print(f"{survivors} mutants survived.")
    return 1 if survivors else 0


def _tell(outcome: Outcome) -> None:
    verdict = "noticed" if outcome.is_noticed else f"equivalent: {outcome.why}" if outcome.why else "SURVIVED"
    print(
        f"{outcome.stage}:{outcome.mutant.line}: {outcome.mutant.before}  →  {outcome.mutant.after}: {verdict}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
