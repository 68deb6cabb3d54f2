"""Texts of traces, read as the command reads their files."""

import pytest

from autoscaler.policy.problems import Problem
from autoscaler.simulator.trace_sets.collecting import MemoryStore
from autoscaler.simulator.trace_sets.errors import Findings, TraceError
from autoscaler.simulator.trace_sets.formats import FormatName, detected, read_text
from autoscaler.simulator.trace_sets.plain import Columns
from autoscaler.simulator.trace_sets.trace_set import Counts, Events, TraceSet


def read(text: str, form: FormatName | None = None, *, step_s: float | None = None, **columns: str) -> TraceSet:
    """Read a text; its format is known by its first line where none is named."""
    form = form or detected(text.splitlines()[0].removeprefix("\ufeff").split(",") if text else [])
    lines = text.splitlines(keepends=True)
    return read_text(form, "name", lines, Findings("t.csv"), MemoryStore(), columns=Columns(columns), step_s=step_s)


def problems(
    text: str, form: FormatName | None = None, *, step_s: float | None = None, **columns: str
) -> list[Problem]:
    """Give what is wrong with a text."""
    with pytest.raises(TraceError) as caught:
        read(text, form, step_s=step_s, **columns)
    return list(caught.value.problems)


def events(trace_set: TraceSet) -> Events:
    """Give the single requests of a set."""
    assert isinstance(trace_set.load, Events)
    return trace_set.load


def counts(trace_set: TraceSet) -> Counts:
    """Give the counts of a set."""
    assert isinstance(trace_set.load, Counts)
    return trace_set.load
