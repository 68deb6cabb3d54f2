"""A decision log as `replay` reads it: file after file, each as often as it is needed."""

import json
from collections.abc import Iterator
from pathlib import Path

from autoscaler.adapters.decision_log.folder import listed
from autoscaler.cli.errors import WrongConfiguration
from autoscaler.core.blast_radius import BlastRadiusRule
from autoscaler.core.controller import Controller
from autoscaler.core.journal.decoder import read
from autoscaler.core.journal.step import Entry, Head, JournalError
from autoscaler.policy.settings import BlastRadius


class RecordedLog:
    """The folder of a log, or one file of it.

    Raises:
        WrongConfiguration: it cannot be read, or holds no log.
    """

    def __init__(self, place: Path) -> None:
        try:
            paths = [file.path for file in listed(place)] if place.is_dir() else [place]
        except OSError as error:
            raise _unreadable(place, error) from None
        if not paths:
            raise WrongConfiguration(f"{place} holds no decision log; a folder with *.decisions files is allowed")
        # Files of two daemons may lie in one folder: each run's follow each other.
        heads = [(_head(path), path) for path in paths]
        self._paths = [path for _, path in sorted((_order(head, path), path) for head, path in heads)]

    def entries(self) -> Iterator[Entry]:
        """Give everything that is in it, in the order of its runs.

        Raises:
            WrongConfiguration: a file cannot be read.
        """
        for path in self._paths:
            try:
                yield from read(path.read_bytes())
            except OSError as error:
                raise _unreadable(path, error) from None
            except JournalError as error:
                raise WrongConfiguration(f"{path}: {error}; a file that `--decision-log` wrote is allowed") from None


def controller_of(head: Head) -> Controller:
    """Make a controller as the one of a run was made."""
    try:
        settings = json.loads(head.settings or "{}").get("blastRadius", None)
    except ValueError:
        raise WrongConfiguration(f"run {head.run} has settings that cannot be read") from None
    blast = BlastRadius.model_validate(settings) if settings is not None else None
    return Controller(None if blast is None else BlastRadiusRule(blast.replicas, blast.share, blast.period))


def _head(path: Path) -> Head:
    """Give how a file begins; one that was torn off before it did begins nothing."""
    try:
        first = next(read(path.read_bytes()), None)
    except OSError as error:
        raise _unreadable(path, error) from None
    except JournalError as error:
        raise WrongConfiguration(f"{path}: {error}; a file that `--decision-log` wrote is allowed") from None
    return first if isinstance(first, Head) else Head("", 0, "")


def _order(head: Head, path: Path) -> tuple[str, int, str]:
    return head.run, head.number, path.name


def _unreadable(path: Path, error: OSError) -> WrongConfiguration:
    return WrongConfiguration(f"{path} cannot be read: {error.strerror}; a decision log's folder or file is allowed")
