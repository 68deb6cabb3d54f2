"""A decision log as `replay` reads it: file after file, each as often as it is needed."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from autoscaler.adapters.decision_log.folder import LogFile, listed
from autoscaler.cli.errors import WrongConfiguration
from autoscaler.core.blast_radius import BlastRadiusRule
from autoscaler.core.controller import Controller
from autoscaler.core.journal.decoder import read
from autoscaler.core.journal.step import Entry, Head, JournalError
from autoscaler.policy.settings import BlastRadius


class RecordedLog:
    """The folder of a log, or one file of it.

    Args:
        since_utc_s: files that begin earlier are left out, where it is a folder; None: all are read.

    Raises:
        WrongConfiguration: it cannot be read, or holds no log.
    """

    def __init__(self, place: Path, since_utc_s: float | None = None) -> None:
        try:
            paths = [file.path for file in _since(listed(place), since_utc_s)] if place.is_dir() else [place]
        except OSError as error:
            raise _unreadable(place, error) from None
        if not paths:
            raise WrongConfiguration(f"{place} holds no decision log; a folder with *.decisions files is allowed")
        # Files of two daemons may lie in one folder: each run's follow each other.
        heads = [(_head(path), path) for path in paths]
        self._paths = [path for _, path in sorted((_order(head, path), path) for head, path in heads)]

    @property
    def count(self) -> int:
        """Files."""
        return len(self._paths)

    def entries(self, tell: Callable[[int], None] = lambda number: None) -> Iterator[Entry]:
        """Give everything that is in it, in the order of its runs.

        Args:
            tell: told the number of each file, from 1, before it is read.

        Raises:
            WrongConfiguration: a file cannot be read.
        """
        for number, path in enumerate(self._paths, 1):
            tell(number)
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


def is_dry(head: Head) -> bool | None:
    """Tell whether the daemon of a run wrote nothing; None: its log does not say."""
    try:
        found = json.loads(head.settings or "{}").get("dryRun", None)
    except ValueError:
        return None
    return found if isinstance(found, bool) else None


def _since(files: Sequence[LogFile], since_utc_s: float | None) -> Sequence[LogFile]:
    """Give the files that begin then or later; where none does, the last one, which may reach so far."""
    late = [file for file in files if since_utc_s is None or file.begins_utc_s >= since_utc_s]
    return late or files[-1:]


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
