"""The files of a decision log: how they are named, listed, and removed."""

import contextlib
import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ENDING = ".decisions"
_NAME = re.compile(r"(\d{8}T\d{6}\.\d{3})Z-(\d{6})\.decisions")
_FORM = "%Y%m%dT%H%M%S.%f"
_LAST_S = 253_402_300_799.0  # the end of the year 9999
_MODE = 0o600


@dataclass(frozen=True, slots=True, order=True)
class LogFile:
    """One file of a log.

    Attributes:
        begins_utc_s: UTC seconds of its first step.
        number: of the file within its daemon's run.
        path: where it is.
    """

    begins_utc_s: float
    number: int
    path: Path

    def size(self) -> int:
        """Give its bytes; 0 where it is gone."""
        try:
            return self.path.stat().st_size
        except OSError:
            return 0


def listed(folder: Path) -> list[LogFile]:
    """Give the files of a log, oldest first; what is named otherwise is none.

    Raises:
        OSError: there is no such folder, or it may not be listed.
    """
    found = []
    for path in folder.iterdir():
        name = _NAME.fullmatch(path.name)
        if name is not None:
            with contextlib.suppress(ValueError):
                begins = datetime.strptime(name[1], _FORM).replace(tzinfo=UTC)
                found.append(LogFile(begins.timestamp(), int(name[2]), path))
    return sorted(found)


def create(folder: Path, begins_utc_s: float, number: int) -> tuple[Path, int]:
    """Create a file that nobody else reads; give it with its descriptor. One that is there is never written to.

    Raises:
        OSError: it cannot be made.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    moment = datetime.fromtimestamp(min(max(begins_utc_s, 0.0), _LAST_S) if math.isfinite(begins_utc_s) else 0.0, UTC)
    path = folder / f"{moment.strftime(_FORM)[:-3]}Z-{number:06d}{ENDING}"
    return path, os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, _MODE)


def remove_old(folder: Path, before_utc_s: float, most_bytes: int | None, keep: Path) -> Sequence[LogFile]:
    """Remove files that end before a time, and the oldest until the rest is small enough; give those that stay.

    Args:
        before_utc_s: a file ends where the next one begins.
        most_bytes: of all files; None: any number.
        keep: the file that is being written; it stays.

    Raises:
        OSError: the folder cannot be listed, or a file not removed.
    """
    files = listed(folder)
    sizes = [file.size() for file in files]
    ends = [*(file.begins_utc_s for file in files[1:]), math.inf][: len(files)]
    total, stay = sum(sizes), list[LogFile]()
    for file, size, end_utc_s in zip(files, sizes, ends, strict=True):
        is_too_much = most_bytes is not None and total > most_bytes
        if file.path != keep and (end_utc_s < before_utc_s or is_too_much):
            file.path.unlink(missing_ok=True)
            total -= size
        else:
            stay.append(file)
    return stay
