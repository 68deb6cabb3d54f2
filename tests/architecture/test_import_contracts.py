"""The import contracts of pyproject.toml hold, and fail when a forbidden import is tried."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter on the package in a folder."""
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run([program, "--no-cache"], cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package and its contracts that a test may spoil."""
    shutil.copytree(ROOT / "autoscaler", tmp_path / "autoscaler", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path / "pyproject.toml")
    return tmp_path


def test_contracts_hold(copy: Path) -> None:
    """As it is, the package breaks no contract."""
    outcome = lint(copy)
    assert outcome.returncode == 0, outcome.stdout


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("core/now.py", "import asyncio"),
        ("core/now.py", "import time"),
        ("core/now.py", "import pydantic"),
        ("core/now.py", "import autoscaler.policy.settings"),
        ("policy/plan.py", "import aiohttp"),
        ("policy/plan.py", "import logging"),
        ("policy/plan.py", "import autoscaler.ports"),
        ("simulator/__init__.py", "import kubernetes"),
        ("simulator/__init__.py", "import autoscaler.ports"),
        ("simulator/__init__.py", "import autoscaler.twin"),
        ("daemon/__init__.py", "import autoscaler.server"),
        ("daemon/__init__.py", "import autoscaler.adapters"),
        ("server/__init__.py", "import autoscaler.daemon"),
        ("adapters/__init__.py", "import autoscaler.simulator"),
        ("daemon/__init__.py", "import autoscaler.simulator"),
        ("twin/__init__.py", "import autoscaler.adapters"),
        ("ports/cluster.py", "import autoscaler.cli"),
        ("sync/__init__.py", "import autoscaler.daemon"),
        ("sync/__init__.py", "import autoscaler.adapters"),
    ],
)
def test_a_forbidden_import_fails(copy: Path, file: str, line: str) -> None:
    """Each import that the design forbids is refused by a contract."""
    spoiled = copy / "autoscaler" / file
    spoiled.write_text(spoiled.read_text() + f"\n{line}\n")
    outcome = lint(copy)
    assert outcome.returncode == 1, outcome.stdout
    assert "BROKEN" in outcome.stdout


@pytest.mark.parametrize(
    "line",
    [
        "import datetime\nnow = datetime.datetime.now()",
        "from time import monotonic\nnow = monotonic()",
        "import random\nroll = random.random()",
        "import numpy\nroll = numpy.random.rand()",
    ],
)
def test_clock_and_randomness_are_banned_in_pure_code(tmp_path: Path, line: str) -> None:
    """Ruff refuses a clock or global randomness in core, policy and simulator."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path / "pyproject.toml")
    for room in ("core", "policy", "simulator"):
        file = tmp_path / "autoscaler" / room / "spoiled.py"
        file.parent.mkdir(parents=True)
        file.write_text(f'"""A clock in pure code."""\n\n{line}\n')
        program = Path(sys.executable).with_name("ruff")
        command = [program, "check", "--select", "TID251", "--no-cache", file]
        outcome = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert outcome.returncode == 1, f"{room}: {outcome.stdout}{outcome.stderr}"
        assert "TID251" in outcome.stdout
