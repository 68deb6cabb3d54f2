"""Scenarios and policy documents as files, read for commands that simulate."""

from pathlib import Path

from autoscaler.policy.problems import Problem
from autoscaler.simulator.scenario import Scenario, ScenarioError

MAX_BYTES = 4 << 20


def read_text(path: Path) -> str:
    """Read a document's file.

    Raises:
        ScenarioError: it cannot be read, or is no text.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ScenarioError([Problem(str(path), None, "", "is too large", f"at most {MAX_BYTES} bytes")])
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ScenarioError([Problem(str(path), None, "", "is no text", "UTF-8")]) from error
    except OSError as error:
        wrong = f"cannot be read: {error.strerror}"
        raise ScenarioError([Problem(str(path), None, "", wrong, "a file that can be read")]) from error


def own_texts(path: Path, scenario: Scenario, others: str) -> dict[str, str]:
    """Give the policy documents that a scenario names, and those in its own file, by file name.

    Args:
        path: of the scenario.
        others: text of the documents after the scenario's.

    Raises:
        ScenarioError: one cannot be read.
    """
    texts = {str(path.parent / name): read_text(path.parent / name) for name in scenario.policies}
    return texts | ({str(path): others} if others.strip() else {})
