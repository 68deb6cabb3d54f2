"""`autoscaler selftest --recording`: our decisions against recorded ones of the real Knative and the real HPA."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

import click

from autoscaler.cli.errors import WrongConfiguration
from autoscaler.cli.output import print_json
from autoscaler.policy.problems import Problem
from autoscaler.simulator.comparison import Comparison, compare
from autoscaler.simulator.recordings import Kind, RecordingError, read_hpa, read_kpa
from autoscaler.simulator.replayed_hpa import hpa_answers
from autoscaler.simulator.replayed_kpa import kpa_answers

MOST_LINE_CHARACTERS = 16 << 20
_GZIP_MAGIC = b"\x1f\x8b"


def decide_again(recording: Path, kind: Kind, output: str) -> bool:
    """Compare all sequences of a recording, print what differs, and tell whether nothing does.

    Raises:
        WrongConfiguration: it cannot be read.
    """
    try:
        comparison = _compared(recording, kind)
    except RecordingError as error:
        raise WrongConfiguration(f"{recording} is no recording of kind {kind}:", error.problems) from error
    if output == "json":
        print_json(_document(kind, comparison))
    else:
        for line in (*comparison.differences, comparison):
            click.echo(str(line))
    return not comparison.differences


def _compared(recording: Path, kind: Kind) -> Comparison:
    lines = _lines(recording)
    if kind == "kpa":
        revisions = read_kpa(lines, str(recording))
        return compare(revisions, kpa_answers(revisions))
    objects = read_hpa(lines, str(recording))
    return compare(objects, hpa_answers(objects))


def _lines(recording: Path) -> Iterator[str]:
    """Read a file's lines, compressed or not: its first bytes say which, not its name."""
    number = 0
    try:
        with recording.open("rb") as raw:
            is_gzip = raw.read(2) == _GZIP_MAGIC
        with gzip.open(recording, "rt", encoding="utf-8") if is_gzip else recording.open(encoding="utf-8") as text:
            while line := text.readline(MOST_LINE_CHARACTERS):
                number += 1
                if len(line) == MOST_LINE_CHARACTERS:
                    raise _problem(recording, number, "is too long", f"under {MOST_LINE_CHARACTERS} characters a line")
                yield line
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        wrong = f"the gzip data is cut off or broken: {error}"
        raise _problem(recording, number + 1, wrong, "a whole gzip file, or plain text") from error
    except UnicodeDecodeError as error:
        raise _problem(recording, number + 1, "is no text", "UTF-8") from error
    except OSError as error:
        wrong = f"cannot be read: {error.strerror or error}"
        raise _problem(recording, None, wrong, "a file that can be read") from error


def _problem(recording: Path, line: int | None, wrong: str, allowed: str) -> RecordingError:
    return RecordingError([Problem(str(recording), line, "", wrong, allowed)])


def _document(kind: str, comparison: Comparison) -> dict[str, object]:
    return {
        "kind": kind,
        "sequences": comparison.sequences,
        "identical": comparison.identical,
        "differences": [
            {"name": one.name, "t": one.t, "expected": one.expected, "got": one.got, "reason": one.reason}
            for one in comparison.differences
        ],
    }
