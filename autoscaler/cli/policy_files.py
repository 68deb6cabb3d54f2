"""Policy documents that a flag names: a file, or a folder as the daemon reads it."""

from collections.abc import Mapping
from pathlib import Path

from autoscaler.adapters import files as folders
from autoscaler.cli.errors import WrongConfiguration


def texts_of(option: str, path: Path) -> Mapping[str, str]:
    """Give the texts by file name.

    Args:
        option: the flag, for problems only.

    Raises:
        WrongConfiguration: they cannot be read, or there are none.
    """
    try:
        if path.is_dir():
            found = {str(path / name): text for name, text in folders.read(path).items()}
        else:
            path.stat()  # says why, where there is nothing
            found = {str(path): folders.text(path)}
    except OSError as error:
        raise WrongConfiguration(
            f"{option} {path} cannot be read: {error.strerror}; a file or folder of policies is allowed"
        ) from None
    if not found:
        raise WrongConfiguration(f"{option} {path} holds no documents; *.yaml or *.yml directly in it are allowed")
    return found
