"""Requests that are more than memory shall hold: the same as in memory, and no more of it."""

import gc
import tempfile
from pathlib import Path

import numpy as np
import pytest

from autoscaler.cli.trace_store import SpillingStore
from autoscaler.core.columns import Floats, Ints
from autoscaler.simulator.trace_sets.collecting import MemoryStore, Store


def fill(store: Store, durations: bool) -> None:
    """Hand requests of seven functions over in pieces, out of order."""
    drawn = np.random.Generator(np.random.SFC64(3))
    for rows in (3, 1_000, 17, 2_500, 1):
        codes: Ints = drawn.integers(0, 7, rows)
        times_s: Floats = np.round(drawn.uniform(5.0, 50.0, rows), 1)
        store.append(codes, times_s, drawn.random(rows) if durations else None)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("durations", [True, False])
@pytest.mark.parametrize("chunk_rows", [64, 100_000])
def test_files_hold_what_memory_would(folder: Path, durations: bool, chunk_rows: int) -> None:
    """The same requests in the same order, ties included, whatever the pieces they are moved in."""
    spilled, kept = SpillingStore(most_rows=500, chunk_rows=chunk_rows), MemoryStore()
    fill(spilled, durations)
    fill(kept, durations)
    found, expected = spilled.grouped(9, 5.0), kept.grouped(9, 5.0)
    assert isinstance(found.times_s, np.memmap)
    assert np.array_equal(found.offsets, expected.offsets)
    assert np.array_equal(found.times_s, expected.times_s)
    assert (found.durations_s is None) == (expected.durations_s is None)
    if found.durations_s is not None and expected.durations_s is not None:
        assert np.array_equal(found.durations_s, expected.durations_s)


def test_files_go_with_the_last_who_uses_them(folder: Path) -> None:
    """They are there while a slice of the requests is, and not after."""
    store = SpillingStore(most_rows=10)
    fill(store, durations=True)
    part = store.grouped(7, 0.0).times_of(3)
    del store
    gc.collect()
    assert len(list(folder.rglob("*-sorted"))) == 2
    assert float(part.min()) >= 5.0
    del part
    gc.collect()
    assert not list(folder.iterdir())


def test_few_requests_need_no_files(folder: Path) -> None:
    """Below the bound nothing is written."""
    store = SpillingStore()
    fill(store, durations=False)
    assert not isinstance(store.grouped(7, 0.0).times_s, np.memmap)
    assert not list(folder.iterdir())
