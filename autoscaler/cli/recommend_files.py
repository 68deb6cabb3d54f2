"""Where recommended documents are written: looked at before minutes of learning, written after them."""

import os
from collections.abc import Mapping
from pathlib import Path

from autoscaler.cli.errors import WrongConfiguration

NAMES = ("tenant-*.yaml", "policy-*.yaml")
"""What documents are called."""


def check_folder(folder: Path, is_forced: bool) -> None:
    """See that documents can be written to a folder, and make it.

    Args:
        is_forced: whether files that are there may be replaced.

    Raises:
        WrongConfiguration: it cannot be written to, or there are documents in it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        there = sorted(path for name in NAMES for path in folder.glob(name))
    except OSError as error:
        raise _unwritable(folder, error.strerror) from None
    if there and not is_forced:
        raise WrongConfiguration(f"{there[0]} is there already; another folder, or --force, is allowed")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _unwritable(folder, "Permission denied")


def written(folder: Path, texts: Mapping[str, str]) -> list[Path]:
    """Write documents, each to its file.

    Raises:
        WrongConfiguration: one cannot be written.
    """
    paths = {folder / name: text for name, text in texts.items()}
    try:
        for path, text in paths.items():
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise _unwritable(folder, error.strerror) from None
    return list(paths)


def _unwritable(folder: Path, why: str | None) -> WrongConfiguration:
    return WrongConfiguration(f"{folder} cannot be written: {why}; a folder of yours is allowed")
