"""Sweeps whose workers are real processes: killed and gone on with, and a Dask cluster."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from autoscaler.simulator.slo import NAMES
from tests.integration.sweeps.study import POLICY, SCENARIO, STUDY, TENANT, write
from tests.servers.process import PATIENCE, Server, free_port, is_listening, wait_until

LONG = STUDY.replace("seeds: 3", "seeds: 4")
SLOW = (SCENARIO + TENANT + POLICY).replace("duration: 40s", "duration: 20m")
"""Sixteen runs of six hundred ticks: long enough that the sweep can be killed in its midst."""


def command(study: Path, *arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "autoscaler.cli", "sweep", *map(str, [study, *arguments])]


def finished(words: Sequence[str], exit_code: int = 0) -> tuple[dict[str, Any], str]:
    """Run a sweep to its end; give its JSON, and what it said beside."""
    ran = subprocess.run([*words, "--output", "json"], capture_output=True, text=True, timeout=600, check=False)
    assert ran.returncode == exit_code, ran.stderr
    return json.loads(ran.stdout), ran.stderr


def session_of(pid: int) -> int | None:
    """Give the session of a process; None: it has ended."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if words[0] == "Z" else int(words[3])


def members(session: int) -> set[int]:
    """Give the processes of a session that are there."""
    pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return {pid for pid in pids if session_of(pid) == session}


@contextmanager
def begun(words: Sequence[str], out: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start a sweep and wait for its first results; whatever is left of it ends with the block."""
    with (out.parent / "log").open("wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log, start_new_session=True)
    try:
        wait_until(lambda: list(out.glob("part-*.parquet")) or process.poll() is not None, "a first part", 240.0)
        assert process.poll() is None, (out.parent / "log").read_text()
        yield process
    finally:
        for pid in members(process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait(30.0 * PATIENCE)


def rows(*files: Path) -> dict[tuple[str, str, str], tuple[object, ...]]:
    """Give the rows of result files by cell, kind and name."""
    found = {}
    for file in files:
        for row in pq.read_table(file).to_pylist():
            found[row["cell"], row["each"], row["name"]] = tuple(row[name] for name in NAMES)
    return found


def test_a_killed_sweep_leaves_no_process_behind_and_goes_on(tmp_path: Path) -> None:
    """Killed in its midst, it loses seconds of work: started again it runs the rest, and keeps what it had."""
    study, out = write(tmp_path, LONG, SLOW), tmp_path / "out"
    words = command(study, "--results", out, "--processes", "2")
    with begun(words, out) as process:
        process.kill()
        process.wait(30.0 * PATIENCE)
        wait_until(lambda: not members(process.pid), "its workers to end", 60.0)
    kept = rows(*out.glob("part-*.parquet"))
    known = {cell for cell, _, _ in kept}
    assert 0 < len(known) < 16
    document, said = finished(words)
    assert f"16 runs: 4 configurations × 4 seeds, {len(known)} known already" in said
    assert (document["cells"], [len(one["seeds"]) for one in document["configurations"]]) == (16, [4] * 4)
    whole = rows(out / "results.parquet")
    assert len({cell for cell, _, _ in whole}) == 16
    assert {place: whole[place] for place in kept} == kept


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[Server]]]:
    """A Dask scheduler and two workers of one thread, each a process; the address, and the three."""
    port, dask = free_port(), Path(sys.executable).with_name("dask")
    address = f"tcp://127.0.0.1:{port}"
    scheduler = Server(
        [dask, "scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard", "--no-show"],
        tmp_path / "s.log",
    )
    options = ["--nthreads", "1", "--no-dashboard", "--no-nanny", "--local-directory", tmp_path / "dask"]
    workers = [Server([dask, "worker", address, *options], tmp_path / f"w{number}.log") for number in range(2)]
    try:
        scheduler.start()
        scheduler.wait_for(lambda: is_listening(port), 120.0)
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.wait_for(lambda worker=worker: "Registered to" in worker.tail(), 120.0)
        yield address, [scheduler, *workers]
    finally:
        for server in (*workers, scheduler):
            server.kill()


def test_a_dask_cluster_runs_a_sweep_until_it_goes_away(cluster: tuple[str, list[Server]], tmp_path: Path) -> None:
    """Two workers of a real scheduler give the figures of this machine; with the scheduler dead a sweep ends with what it has."""
    address, (scheduler, *_) = cluster
    study = write(tmp_path)
    there, said = finished(command(study, "--results", tmp_path / "there", "--scheduler", address))
    assert "on 2 processes" in said
    here, _ = finished(command(study, "--results", tmp_path / "here", "--processes", "1"))
    assert there["configurations"] == here["configurations"]
    out = tmp_path / "out"
    with begun(command(write(tmp_path, LONG, SLOW), "--results", out, "--scheduler", address), out) as process:
        scheduler.kill()
        assert process.wait(240.0 * PATIENCE) == 1
    assert "The workers were lost" in (tmp_path / "log").read_text()
    assert rows(*out.glob("part-*.parquet"))
