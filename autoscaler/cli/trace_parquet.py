"""Trace sets in Parquet: plain tables of others, and our own, which hold everything that is known."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from autoscaler.cli.errors import WrongConfiguration
from autoscaler.policy.problems import Problem
from autoscaler.simulator.trace_sets.canonical import description, pieces, read_canonical
from autoscaler.simulator.trace_sets.collecting import Store
from autoscaler.simulator.trace_sets.errors import Findings, TraceError
from autoscaler.simulator.trace_sets.plain import FIELDS, Columns, read_plain
from autoscaler.simulator.trace_sets.tables import BATCH_ROWS, Batch, Column, Words
from autoscaler.simulator.trace_sets.trace_set import Events, TraceSet

METADATA = b"faas-autoscaler.trace"


def pyarrow() -> Any:
    """Give the library.

    Raises:
        WrongConfiguration: it is not installed.
    """
    try:
        import_module("pyarrow.parquet")
    except ImportError:
        raise WrongConfiguration("Parquet needs a library more: pip install 'faas-autoscaler[simulate]'") from None
    return import_module("pyarrow")


def read_parquet(path: Path, columns: Columns, step_s: float | None, store: Store) -> TraceSet:
    """Read a file, some rows at a time.

    Raises:
        TraceError: it is no whole Parquet, or holds no trace.
        WrongConfiguration: the library for it is not installed.
    """
    arrow = pyarrow()
    findings = Findings(str(path), counts_rows=True)
    try:
        with arrow.parquet.ParquetFile(path, read_dictionary=_texts(arrow, path), pre_buffer=False) as file:
            names = file.schema_arrow.names
            metadata = (file.schema_arrow.metadata or {}).get(METADATA)
            if metadata is not None:
                return read_canonical(metadata, _batches(file, names, findings), findings, store)
            wanted = list(columns.wanted(names, findings))
            findings.check()
            return read_plain(_batches(file, wanted, findings), findings, store, columns, step_s=step_s)
    except (arrow.ArrowException, OSError) as error:
        problem = Problem(
            str(path), None, "", f"is no whole Parquet: {str(error)[:200]}", "a file that was written to its end"
        )
        raise TraceError([problem]) from error


def _texts(arrow: Any, path: Path) -> list[str]:
    """Name the columns of texts, which are read by code: a day has few names and many requests."""
    schema = arrow.parquet.read_schema(path)
    return [column.name for column in schema if arrow.types.is_string(column.type)]


def _batches(file: Any, names: list[str], findings: Findings) -> Iterator[Batch]:
    row = 1
    moments = frozenset(column.name for column in file.schema_arrow if getattr(column.type, "tz", None) is not None)
    for part in file.iter_batches(BATCH_ROWS, columns=names):
        if part.num_rows:
            numbers = range(row, row + part.num_rows)
            yield Batch(numbers, {name: _column(part.column(name)) for name in names}, findings, moments)
            row += part.num_rows


def _column(array: Any) -> Column:
    """Give a column as numbers, or as texts by code; missing cells are nan, or code -1."""
    types = pyarrow().types
    kind = array.type
    if types.is_timestamp(kind) or types.is_date(kind):
        return _moments(array)
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind) or types.is_boolean(kind):
        numbers: Column = array.cast(pyarrow().float64()).to_numpy(zero_copy_only=False)
        return numbers
    if not types.is_dictionary(kind):
        array = array.cast(pyarrow().string()).dictionary_encode()
    codes = array.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return Words(codes, [str(value) for value in array.dictionary.to_pylist()])


def _moments(array: Any) -> Column:
    """Give timestamps as seconds, in UTC where they have a time zone; else nobody knows of which clock they are."""
    arrow = pyarrow()
    whole = array.cast(arrow.timestamp("us", tz="UTC")).cast(arrow.int64())
    seconds: Column = whole.cast(arrow.float64()).to_numpy(zero_copy_only=False) / 1e6
    return seconds


def write_parquet(trace_set: TraceSet, path: Path) -> None:
    """Write a set with everything that is known of it; a file that is there is replaced when all is written.

    Raises:
        WrongConfiguration: it cannot be written, or the library is not installed.
    """
    arrow = pyarrow()
    fields = [(name, arrow.dictionary(arrow.int32(), arrow.string())) for name in ("namespace", "function")]
    value = "duration" if isinstance(trace_set.load, Events) else "requests"
    has_values = not (isinstance(trace_set.load, Events) and trace_set.load.durations_s is None)
    fields += [("time", arrow.float64()), *([(value, arrow.float64())] if has_values else [])]
    schema = arrow.schema(fields, metadata={METADATA: description(trace_set)})
    path = path.resolve()
    if path.exists() and not path.is_file():  # a device or a pipe would be replaced by the file that is moved there
        problem = Problem(str(path), None, "", "is no regular file", "a file that may be replaced, or a new one")
        raise WrongConfiguration("The trace was not converted:", [problem])
    half = path.with_name(f"{path.name}.part")
    try:
        with arrow.parquet.ParquetWriter(half, schema, compression="zstd") as writer:
            for batch in _written(trace_set, schema, value if has_values else None):
                writer.write_batch(batch)
        half.replace(path)
    except (OSError, arrow.ArrowException) as error:
        half.unlink(missing_ok=True)
        problem = Problem(str(path), None, "", f"cannot be written: {error}", "a file in a folder that can be written")
        raise WrongConfiguration("The trace was not converted:", [problem]) from error


def _written(trace_set: TraceSet, schema: Any, value: str | None) -> Iterator[Any]:
    arrow = pyarrow()
    namespaces, of_namespace = _dictionary([one.namespace for one in trace_set])
    names, of_name = _dictionary([one.name for one in trace_set])
    for piece in pieces(trace_set):
        columns = [
            arrow.DictionaryArray.from_arrays(arrow.array(of_namespace[piece.functions]), namespaces),
            arrow.DictionaryArray.from_arrays(arrow.array(of_name[piece.functions]), names),
            arrow.array(piece.times_s),
        ]
        if value is not None:
            columns.append(arrow.array(piece.values))
        yield arrow.record_batch(columns, schema=schema)


def _dictionary(texts: list[str]) -> tuple[Any, Any]:
    """Give different texts as Arrow has them, and the code of each text."""
    codes = {text: code for code, text in enumerate(dict.fromkeys(texts))}
    return pyarrow().array(list(codes), pyarrow().string()), np.array([codes[text] for text in texts], np.int32)


__all__ = ["FIELDS", "read_parquet", "write_parquet"]
