"""Files of recorded traffic, opened: plain or packed text, folders of it, and Parquet."""

import csv
import gzip
import zlib
from collections.abc import Generator, Mapping, Sequence
from io import BufferedReader, TextIOWrapper
from pathlib import Path

from autoscaler.cli.trace_store import SpillingStore
from autoscaler.policy.problems import Problem
from autoscaler.simulator.trace_sets.azure import IDENTITY_2019, read_azure_2019
from autoscaler.simulator.trace_sets.collecting import Store
from autoscaler.simulator.trace_sets.days import Day, in_order, one_after_another
from autoscaler.simulator.trace_sets.errors import Findings, TraceError
from autoscaler.simulator.trace_sets.formats import FORMATS, detected, read_text
from autoscaler.simulator.trace_sets.opendc import read_opendc
from autoscaler.simulator.trace_sets.plain import Columns
from autoscaler.simulator.trace_sets.trace_set import TraceSet

GZIP, PARQUET = b"\x1f\x8b", b"PAR1"

_TEXTS = (".csv", ".csv.gz", ".txt", ".txt.gz")
_INVOCATIONS, _DURATIONS, _MEMORY = (
    ("invocations",),
    ("function_durations_percentiles", "durations"),
    ("app_memory_percentiles", "memory"),
)


def read_trace(
    path: Path | str,
    form: str | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    step_s: float | None = None,
    store: Store | None = None,
) -> TraceSet:
    """Read a file of recorded traffic, or a folder of files that belong together.

    Args:
        path: a text, packed by gzip or not; Parquet; a folder with days of Azure Functions 2019, or with OpenDC's files.
            Of Azure's three files the one with the invocations stands for all: the others are looked for beside it.
        form: its format (`FORMATS`); None: it is known by its first line.
        columns: of a plain table, column of each field that is named otherwise than the field.
        step_s: of a plain table of counts, length of a step; None: the smallest distance of two times.
        store: keeps single requests; None: memory, and files where they are many.

    Raises:
        TraceError: it cannot be read, or holds no trace.
    """
    path = Path(path)
    if form is not None and form not in FORMATS:
        raise _wrong(path, f"is to be of format {form!r}", ", ".join(FORMATS))
    store = store or SpillingStore()
    if path.is_dir():
        return _read_folder(path)
    start = _start(path)
    if start.startswith(PARQUET):
        from autoscaler.cli.trace_parquet import read_parquet

        return read_parquet(path, Columns(columns or {}), step_s, store)
    known = next((one for one in FORMATS if one == form), detected(_names(path)) if form is None else FORMATS[0])
    if known == "azure2019":
        return _read_azure_2019(path)
    return read_text(
        known, _stem(path), lines_of(path), Findings(str(path)), store, columns=Columns(columns or {}), step_s=step_s
    )


def _read_folder(folder: Path) -> TraceSet:
    """Read a folder by what its first file is."""
    files = sorted(file for file in folder.iterdir() if file.name.endswith(_TEXTS))
    invocations = [file for file in files if _is_2019(file)]
    if invocations:
        return _read_days([str(file) for file in invocations])
    opendc = [file for file in files if detected(_names(file)) == "opendc"]
    if not opendc or len(opendc) != len(files):
        raise _wrong(folder, "holds neither days of Azure Functions 2019 nor OpenDC's files alone", "one of the two")
    return read_opendc([(_stem(file), lines_of(file), Findings(str(file))) for file in opendc])


def read_days(files: Sequence[Path | str], form: str | None = None) -> TraceSet:
    """Read several files as one trace: days of Azure Functions 2019, in the order that their names say.

    Args:
        files: those with the invocations; with each, durations and memory are looked for beside it.
        form: its format; None: it is known by the first line.

    Raises:
        TraceError: they are no such files, or no days that follow each other.
    """
    problems = list[Problem]()
    for file in map(Path, files):
        try:
            is_day = form in (None, "azure2019") and not file.is_dir() and _is_2019(file)
        except TraceError as error:
            problems += error.problems
            continue
        if not is_day:
            wrong, allowed = "is no file of invocations", "one file, or several days of Azure Functions 2019"
            problems.append(Problem(str(file), None, "", wrong, allowed))
    if problems:
        raise TraceError(problems)
    return _read_days([str(file) for file in files])


def _read_days(files: Sequence[str]) -> TraceSet:
    return one_after_another([Day(file, _read_azure_2019(Path(file))) for file in in_order(files)])


def _is_2019(file: Path) -> bool:
    names = _names(file)
    return set(IDENTITY_2019) <= set(names) and "Trigger" in names


def _read_azure_2019(path: Path) -> TraceSet:
    """Read the invocations and what is beside them."""
    if not _is_2019(path):
        raise _wrong(path, "holds no invocations", "the file with a column Trigger and one for each minute")
    beside = [_sibling(path, names) for names in (_DURATIONS, _MEMORY)]
    durations, memory = ((lines_of(one), Findings(str(one))) if one is not None else None for one in beside)
    return read_azure_2019(lines_of(path), Findings(str(path)), durations, memory)


def _sibling(path: Path, names: Sequence[str]) -> Path | None:
    """Give the file of the same day with other facts; None: it is not there."""
    stem = path.name.replace("invocations_per_function_md", "invocations")
    for name in names:
        for packed in (stem.replace(_INVOCATIONS[0], name), stem.replace(_INVOCATIONS[0], name) + ".gz"):
            if (path.parent / packed).is_file() and packed != path.name:
                return path.parent / packed
    return None


def _stem(path: Path) -> str:
    return path.name.split(".")[0]


def _names(path: Path) -> list[str]:
    """Give the names in the first line."""
    lines = lines_of(path)
    first = next(lines, "").removeprefix("\ufeff")
    lines.close()
    try:
        return [name.strip() for name in next(csv.reader([first]), [])]
    except csv.Error as error:
        problem = Problem(str(path), 1, "", f"is no CSV: {error}", "comma-separated cells, quoted in pairs")
        raise TraceError([problem]) from error


def _start(path: Path) -> bytes:
    if path.exists() and not path.is_file():  # a device has no end, and of a pipe nothing is left for the second look
        raise _wrong(path, "is no regular file", "a file that can be read twice")
    try:
        with path.open("rb") as file:
            return file.read(4)
    except OSError as error:
        raise _wrong(path, f"cannot be read: {error.strerror}", "a file that can be read") from error


def lines_of(path: Path) -> Generator[str, None, None]:
    """Give the lines of a text, unpacked where it is packed.

    Raises:
        TraceError: it cannot be read to its end, or is no text; the line is that after the last whole one.
    """
    try:
        with _unpacked(path) as file, TextIOWrapper(file, encoding="utf-8", newline="\n") as text:
            yield from text
    except EOFError as error:
        raise _wrong(path, "is a gzip that ends too early", "a whole .gz", _last_line(path) + 1) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise _wrong(path, "is a damaged gzip", "a whole .gz", _last_line(path) + 1) from error
    except UnicodeDecodeError as error:
        raise _wrong(path, "is no text", "UTF-8", _last_line(path) + 1) from error
    except OSError as error:
        raise _wrong(path, f"cannot be read: {error.strerror}", "a file that can be read") from error


def _unpacked(path: Path) -> gzip.GzipFile | BufferedReader:
    return gzip.open(path, "rb") if _start(path).startswith(GZIP) else path.open("rb")


def _last_line(path: Path) -> int:
    """Count the lines before the one that cannot be read."""
    number = 0
    try:
        with _unpacked(path) as file:
            for line in file:
                line.decode("utf-8")
                number += 1
    except (EOFError, OSError, zlib.error, UnicodeDecodeError):
        pass
    return number


def _wrong(path: Path, wrong: str, allowed: str, line: int | None = None) -> TraceError:
    return TraceError([Problem(str(path), line, "", wrong, allowed)])
