"""Scenarios and policy documents as files, read for commands that simulate."""

from pathlib import Path

from autoscaler.cli.policy_files import PolicyFilesError, policy_texts
from autoscaler.policy.problems import Problem
from autoscaler.simulator.scenario import Scenario, ScenarioError

MAX_BYTES = 4 << 20


def read_text(path: Path) -> str:
    """Read a document's file.

    Raises:
        ScenarioError: it cannot be read, or is no text.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)  # no more, since a device has no end
        if len(content) > MAX_BYTES:
            raise ScenarioError([Problem(str(path), None, "", "is too large", f"at most {MAX_BYTES} bytes")])
        return content.decode("utf-8")
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
        ScenarioError: with every one that cannot be read.
    """
    texts: dict[str, str] = {}
    problems: list[Problem] = []
    for name in scenario.policies:
        try:
            texts |= policy_texts(path.parent / name)
        except PolicyFilesError as error:
            problems.append(error.problem)
    if problems:
        raise ScenarioError(problems)
    return texts | ({str(path): others} if others.strip() else {})
