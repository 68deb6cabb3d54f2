"""The recorded workloads that a scenario names, read: CSV files beside it, spans of a Prometheus's past."""

import gzip
import zlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

from autoscaler.cli.trace_files import lines_of, read_trace
from autoscaler.policy.problems import Problem
from autoscaler.policy.quantities import format_duration
from autoscaler.simulator.law_documents import Measured
from autoscaler.simulator.rate_table import RateTable, RateTableError, read_table
from autoscaler.simulator.recorded import Recorded, RecordedFunction
from autoscaler.simulator.recorded_rates import RecordedRates
from autoscaler.simulator.scenario import Scenario, ScenarioError, TraceKey
from autoscaler.simulator.spans import SpanSeries, query_of, recorded, strangers
from autoscaler.simulator.trace_sets.durations import read_durations
from autoscaler.simulator.trace_sets.errors import Findings, TraceError
from autoscaler.simulator.trace_sets.trace_set import TraceSet
from autoscaler.simulator.trace_sets.using import recorded_functions
from autoscaler.simulator.traces import CsvTrace, PrometheusTrace, column_of

MAX_BYTES = 64 << 20
"""Largest CSV read, unpacked: a month of seconds in ten columns."""

_UNIT_S = {"s": 1.0, "ms": 1e-3}

_CONNECTION = {"headers", "bearer_token_file", "username", "password_file", "tls", "timeout"}
_ASKED = {"url", "query", "start", "end", "step", *_CONNECTION}
"""What makes two questions the same."""


def read_traces(folder: Path, scenario: Scenario, say: Callable[[str], None]) -> Recorded:
    """Read everything that a scenario needs beside its document.

    Args:
        folder: where its files are.
        say: told what is worth knowing and no mistake, such as series of functions that the scenario has not.

    Raises:
        ScenarioError: with every reason why something cannot be read, or used.
    """
    wanted = list(scenario.traces())
    files = [(key, trace) for key, _, trace in wanted if isinstance(trace, CsvTrace)]
    spans = [(key, trace) for key, _, trace in wanted if isinstance(trace, PrometheusTrace)]
    problems: list[Problem] = []
    workloads = _of_files(folder, files, problems) | _of_spans(spans, scenario, problems, say)
    laws = _laws(folder, scenario, problems)
    functions, notes = _functions(folder, scenario, laws, problems)
    if problems:
        raise ScenarioError(problems)
    names = [trace.file for _, trace in files]
    names += [law.file for _, law in scenario.law_files() if law.file is not None]
    names += [use.file for use in scenario.trace_uses]
    hashes = {name: _hash(folder / name) for name in dict.fromkeys(names)}
    return Recorded(workloads, functions, laws, hashes, notes)


def _functions(
    folder: Path, scenario: Scenario, laws: Mapping[str, Measured], problems: list[Problem]
) -> tuple[tuple[RecordedFunction, ...], tuple[str, ...]]:
    """Read the traces that have functions of their own; a file that several use is read once."""
    read: dict[tuple[object, ...], TraceSet] = {}
    found: list[RecordedFunction] = []
    notes: list[str] = []
    for number, use in enumerate(scenario.trace_uses):
        key = (use.file, use.format, tuple(use.columns.items()), use.step)
        try:
            if key not in read:
                read[key] = read_trace(folder / use.file, use.format, columns=use.columns, step_s=use.step)
                notes += [f"{use.file}: {note}" for note in read[key].notes]
            found += recorded_functions(read[key], use.with_laws(laws, f"traces[{number}]"))
        except TraceError as error:
            problems += error.problems
        except ValueError as error:
            problems.append(Problem(str(folder / use.file), None, f"traces[{number}]", "cannot be used so", str(error)))
    return tuple(found), tuple(notes)


def _laws(folder: Path, scenario: Scenario, problems: list[Problem]) -> dict[str, Measured]:
    """Read the durations of measured laws, by the path of the field that has the law."""
    found: dict[str, Measured] = {}
    for path, law in scenario.law_files():
        file = folder / (law.file or "")
        try:
            values_s = read_durations(lines_of(file), Findings(str(file)), law.column, _UNIT_S[law.unit])
            found[path] = law.model_copy(update={"values": tuple(values_s.tolist())})
        except TraceError as error:
            problems += error.problems
    return found


def _hash(path: Path) -> str:
    """Hash a file, or the files of a folder in the order of their names."""
    digest = sha256()
    for file in sorted(path.iterdir()) if path.is_dir() else [path]:
        with file.open("rb") as stream:
            while part := stream.read(1 << 20):
                digest.update(part)
    return digest.hexdigest()


def _of_files(
    folder: Path, wanted: Sequence[tuple[TraceKey, CsvTrace]], problems: list[Problem]
) -> dict[TraceKey, RecordedRates]:
    """Read each file once, with all the columns that somebody wants of it."""
    found: dict[TraceKey, RecordedRates] = {}
    by_table: dict[tuple[str, str | None, float | None], list[tuple[TraceKey, CsvTrace]]] = defaultdict(list)
    for key, trace in wanted:
        by_table[trace.file, trace.time_column, trace.step].append((key, trace))
    for (name, time, step_s), users in by_table.items():
        file = folder / name
        try:
            columns = dict.fromkeys(column_of(trace, key[0]) for key, trace in users)
            table = read_table(_text(file), str(file), tuple(columns), time=time, step_s=step_s)
            found |= {key: _recorded(table, trace, key, file) for key, trace in users}
        except RateTableError as error:
            problems += error.problems
    return found


def _recorded(table: RateTable, trace: CsvTrace, key: TraceKey, file: Path) -> RecordedRates:
    return table.recorded(trace, column_of(trace, key[0]), str(file))


def _text(file: Path) -> str:
    """Read a file, unpacked where its name ends in .gz.

    Raises:
        RateTableError: it cannot be read, or is no text.
    """

    def wrong(words: str, allowed: str) -> RateTableError:
        return RateTableError([Problem(str(file), None, "", words, allowed)])

    try:
        with gzip.open(file, "rb") if file.suffix == ".gz" else file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise wrong("is too large", f"at most {MAX_BYTES} bytes, unpacked")
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise RateTableError([Problem(str(file), line, "", "is no text", "UTF-8")]) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise wrong("is no gzip, or a damaged one", "a whole .csv.gz, or a .csv") from error
    except EOFError as error:
        raise wrong("is a gzip that ends too early", "a whole .csv.gz") from error
    except OSError as error:
        raise wrong(f"cannot be read: {error.strerror}", "a file that can be read") from error


def _of_spans(
    wanted: Sequence[tuple[TraceKey, PrometheusTrace]],
    scenario: Scenario,
    problems: list[Problem],
    say: Callable[[str], None],
) -> dict[TraceKey, RecordedRates]:
    """Ask each query once, however many functions are in its answer."""
    found: dict[TraceKey, RecordedRates] = {}
    by_question: dict[bytes, list[tuple[TraceKey, PrometheusTrace]]] = defaultdict(list)
    for key, trace in wanted:
        by_question[trace.model_dump_json(include=_ASKED).encode()].append((key, trace))
    for users in by_question.values():
        trace = users[0][1]
        say(f"Asking {_place(trace)} for {trace.steps} steps of {format_duration(trace.step)} …")
        series = _asked(trace)
        if isinstance(series, Problem):
            problems.append(series)
            continue
        for key, of_key in users:
            made = recorded(of_key, series, key[0])
            if isinstance(made, Problem):
                problems.append(made)
            else:
                found[key] = made
        others = strangers(series, [spec.key for spec in scenario.specs()])
        if others and trace.match is None:
            more = f" and {len(others) - 1} more" if len(others) > 1 else ""
            say(f"The answer has series of {others[0]}{more}, which the scenario has not: they are left out.")
    return found


def _asked(trace: PrometheusTrace) -> list[SpanSeries] | Problem:
    """Ask a Prometheus; where it gives no whole answer, say why."""
    from autoscaler.adapters.prometheus.errors import SourceError
    from autoscaler.adapters.prometheus.spans import read_span, settings_of

    settings = settings_of(trace.url, **trace.model_dump(include=_CONNECTION, by_alias=True))
    try:
        past = read_span(settings, query_of(trace), int(trace.start), int(trace.end), int(trace.step))
    except SourceError as error:
        wrong = f"gave no whole answer: {error}"
        return Problem(_place(trace), None, "", wrong, "a Prometheus that answers this query in time")
    return [SpanSeries(one.labels, one.values) for one in past]


def _place(trace: PrometheusTrace) -> str:
    """Name a Prometheus without the user and password that its URL may hold."""
    parts = urlsplit(trace.url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
