"""Policy documents that a flag, a scenario or a study names: a file, or a folder as the daemon reads it."""

from collections.abc import Mapping
from pathlib import Path

from autoscaler.adapters import files as folders
from autoscaler.cli.errors import WrongConfiguration
from autoscaler.policy.problems import Problem


class PolicyFilesError(Exception):
    """Documents that are not there, or cannot be read; `problem` says why, and what is allowed."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def policy_texts(path: Path) -> Mapping[str, str]:
    """Give the texts by file name; what cannot be read of one file in a folder is a problem of that document.

    Raises:
        PolicyFilesError: they cannot be read, or there are none.
    """
    try:
        if path.is_dir():
            found = {str(path / name): text for name, text in folders.read(path).items()}
        else:
            path.stat()  # says why, where there is nothing
            found = {str(path): folders.text(path)}
    except OSError as error:
        wrong = f"cannot be read: {error.strerror}"
        raise PolicyFilesError(Problem(str(path), None, "", wrong, "a file or folder of policies")) from error
    if not found:
        raise PolicyFilesError(Problem(str(path), None, "", "holds no documents", "*.yaml or *.yml directly in it"))
    return found


def texts_of(option: str, path: Path) -> Mapping[str, str]:
    """Give the texts that a flag names.

    Args:
        option: the flag, for problems only.

    Raises:
        WrongConfiguration: they cannot be read, or there are none.
    """
    try:
        return policy_texts(path)
    except PolicyFilesError as error:
        wrong = error.problem
        raise WrongConfiguration(f"{option} {path} {wrong.wrong}; allowed: {wrong.allowed}") from None
