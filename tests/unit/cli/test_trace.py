"""`autoscaler trace`: files as a planner has them, and what is said of broken ones."""

import gzip
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from autoscaler.cli import root
from autoscaler.cli.trace_files import read_trace
from autoscaler.simulator.trace_sets.errors import TraceError
from autoscaler.simulator.trace_sets.trace_set import Counts, Events, TraceSet
from tests.unit.simulator.trace_sets.sets import bursts
from tests.unit.simulator.trace_sets.test_formats import DURATIONS, INVOCATIONS, MEMORY, OPENDC

REQUESTS = "namespace,function,time,duration\n" + "".join(f"shop,cart,{number * 0.5},0.25\n" for number in range(200))


def trace(*arguments: str | Path) -> Result:
    return CliRunner().invoke(root, ["trace", *map(str, arguments)])


def document(*arguments: str | Path) -> Any:
    """Run a command that ends well, and give its JSON."""
    result = trace(*arguments, "--output", "json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def refused(*arguments: str | Path) -> str:
    """Run a command that must end as wrong usage, without a traceback, and give what it says."""
    result = trace(*arguments)
    assert result.exit_code == 2, result.output
    assert isinstance(result.exception, SystemExit)
    return result.output


@pytest.fixture
def requests(tmp_path: Path) -> Path:
    """A plain file of a timer's requests."""
    file = tmp_path / "requests.csv"
    file.write_text(REQUESTS)
    return file


def same(one: TraceSet, other: TraceSet) -> bool:
    """Tell whether two sets are the same, laws and notes included."""
    facts = [
        [
            (each.key, each.tenant, each.identity, each.service_s, each.memory_gb, each.concurrency_limit)
            for each in which
        ]
        + [None if each.service is None else each.service.values_s.tolist() for each in which]
        + [which.length_s, which.notes, which.source, which.begins_utc_s]
        for which in (one, other)
    ]
    if isinstance(one.load, Events) and isinstance(other.load, Events):
        pairs = [(one.load.offsets, other.load.offsets), (one.load.times_s, other.load.times_s)]
        if one.load.durations_s is not None and other.load.durations_s is not None:
            pairs.append((one.load.durations_s, other.load.durations_s))
    elif isinstance(one.load, Counts) and isinstance(other.load, Counts):
        pairs = [(one.load.matrix, other.load.matrix)]
        facts = [[*fact, load.step_s, load.of] for fact, load in zip(facts, (one.load, other.load), strict=True)]
    else:
        pairs = []
    return facts[0] == facts[1] and all(np.array_equal(left, right, equal_nan=True) for left, right in pairs)


def azure_folder(tmp_path: Path) -> Path:
    """A day of Azure's, its files named as the source names them; one is packed."""
    folder = tmp_path / "day"
    folder.mkdir()
    (folder / "invocations_per_function_md.anon.d01.csv").write_text(INVOCATIONS)
    (folder / "function_durations_percentiles.anon.d01.csv").write_text(DURATIONS)
    (folder / "app_memory_percentiles.anon.d01.csv.gz").write_bytes(gzip.compress(MEMORY.encode()))
    return folder


def opendc_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "opendc"
    folder.mkdir()
    for name in ("one", "two"):
        (folder / f"{name}.csv").write_text(OPENDC + "60000,2,100,100,256,0,0,x\n120000,6,500,100,256,0,0,x\n")
    return folder


def test_a_folder_of_azures_is_one_trace(tmp_path: Path) -> None:
    """The files beside the invocations are found by their names, packed or not; the file itself stands for all."""
    folder = azure_folder(tmp_path)
    for path in (folder, folder / "invocations_per_function_md.anon.d01.csv"):
        found = read_trace(path)
        assert [one.memory_gb for one in found] == [None, 0.25]
        assert found.functions[0].service_s == pytest.approx(0.2)


def test_a_folder_of_opendcs_has_a_function_in_each_file(tmp_path: Path) -> None:
    """They are named as their files."""
    assert [one.name for one in read_trace(opendc_folder(tmp_path))] == ["one", "two"]


def test_a_folder_of_anything_else_is_refused(tmp_path: Path) -> None:
    """What it may hold is said."""
    (tmp_path / "notes.csv").write_text("a,b\n1,2\n")
    with pytest.raises(TraceError, match="one of the two"):
        read_trace(tmp_path)


def azure_days(tmp_path: Path, *days: str) -> list[Path]:
    """Days of Azure's in one folder; the first has durations and memory."""
    folder = azure_folder(tmp_path)
    files = [folder / f"invocations_per_function_md.anon.{day}.csv" for day in days]
    for file in files:
        file.write_text(INVOCATIONS)
    return files


def test_several_days_are_one_trace_as_files_as_a_folder_and_in_a_scenario(tmp_path: Path) -> None:
    """Days given in any order, and the folder that holds them, are the same trace, one after another; so it is converted."""
    files = azure_days(tmp_path, "d01", "d02")
    whole = read_trace(files[0].parent)
    assert isinstance(whole.load, Counts)
    assert whole.load.matrix.tolist() == [[1, 6, 70001] * 2, [0, 0, 2] * 2]
    out = tmp_path / "days.parquet"
    assert document("convert", files[1], files[0], "--write", out)["length_s"] == 360.0
    assert same(read_trace(out), whole)


@pytest.mark.parametrize(
    ("days", "said"),
    [(("d01", "d03"), "day 2 is missing"), (("d01", "d02", "d04"), "comes after")],
)
def test_days_that_do_not_follow_each_other_are_refused(tmp_path: Path, days: tuple[str, ...], said: str) -> None:
    """A gap between days is said, of files and of a folder, with what is allowed."""
    files = azure_days(tmp_path, *days)
    for named in (files, [files[0].parent]):
        output = refused("describe", *named)
        assert said in output
        assert "days without a gap" in output


def test_several_files_that_are_no_days_are_refused(tmp_path: Path, requests: Path) -> None:
    """Files of other formats are no days; each is named, with what several files may be."""
    (day,) = azure_days(tmp_path, "d01")
    output = refused("convert", day, requests, day.parent, "--write", tmp_path / "out.parquet")
    assert str(requests) in output
    assert f"{day.parent}: is no file of invocations" in output
    assert "several days of Azure Functions 2019" in output
    assert str(day) + ":" not in output


@pytest.mark.parametrize("make", ["azure", "opendc", "requests", "ibm", "counts", "packed"])
def test_converted_traces_are_read_back_the_same(tmp_path: Path, requests: Path, make: str) -> None:
    """Everything that is known of functions and load comes back from Parquet, to the bit."""
    texts = {
        "ibm": "ns,app,cpu,mem_gb,concurrency,min_scale\nn,a,0.5,4,100,1\n",
        "counts": "function,time,requests\na,0,3\nb,60,\na,120,5\n",
    }
    if make in texts:
        source = tmp_path / f"{make}.csv"
        source.write_text(texts[make])
    elif make == "packed":
        source = tmp_path / "requests.bin"
        source.write_bytes(gzip.compress(REQUESTS.encode()))
    else:
        source = {"azure": azure_folder, "opendc": opendc_folder}.get(make, lambda _: requests)(tmp_path)
    target = tmp_path / "made.parquet"
    assert trace("convert", source, "--write", target).exit_code == 0
    assert same(read_trace(source), read_trace(target))


def test_a_part_is_converted(tmp_path: Path, requests: Path) -> None:
    """From ten seconds to twenty there are twenty requests."""
    found = document("convert", requests, "--write", tmp_path / "part.parquet", "--from", "10s", "--to", "20s")
    assert found["requests"] == 20
    assert "within 0 and" in refused(
        "convert", requests, "--write", tmp_path / "x.parquet", "--from", "1h", "--to", "2h"
    )


def test_parquet_of_others_is_a_plain_table(tmp_path: Path) -> None:
    """Texts, numbers of any width and timestamps are read; moments begin where they say."""
    file = tmp_path / "other.parquet"
    table = {
        "route": ["a", "b", "a"],
        "at": pa.array([0, 1_500_000, 3_000_000], pa.timestamp("us", tz="UTC")),
        "ms": [1, 2, 3],
    }
    pq.write_table(pa.table(table), file)
    found = read_trace(file, columns={"function": "route", "time": "at"})
    assert isinstance(found.load, Events)
    assert found.load.times_s.tolist() == [0.0, 3.0, 1.5]


@pytest.mark.parametrize(("zone", "begins_utc_s"), [("Europe/Berlin", 1_774_744_200.0), (None, None)])
def test_moments_in_parquet_are_of_a_clock_where_they_have_a_zone(
    tmp_path: Path, zone: str | None, begins_utc_s: float | None
) -> None:
    """A time stamp with a time zone tells when the trace begins; one without is of nobody knows which clock."""
    file = tmp_path / "moments.parquet"
    times = pa.array([1_774_744_200, 1_774_747_800], pa.timestamp("s", tz=zone))
    pq.write_table(pa.table({"function": ["f", "f"], "time": times}), file)
    found = read_trace(file)
    assert found.begins_utc_s == begins_utc_s
    assert isinstance(found.load, Events)
    assert found.load.times_s.tolist() == [0.0, 3_600.0]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"function": ["a", "a"], "time": [1.0, 0.5]}, ["row 2, column 'time'", "ascend"]),
        ({"function": ["a", "a"], "time": [1.0, None]}, ["row 2, column 'time'", "is nan"]),
        ({"function": ["a", None], "time": [1.0, 2.0]}, ["row 2, column 'function'", "a name"]),
        ({"function": ["a", "b"], "time": ["now", "then"]}, ["row 1, column 'time'", "'now'"]),
        ({"function": ["a", "b"], "when": [1, 2]}, ["column 'time'", "is no column"]),
        ({"function": ["a"], "time": [1.0], "duration": ["long"]}, ["row 1, column 'duration'", "'long'"]),
        ({"function": ["a"], "time": [1.0], "duration": [-1.0]}, ["row 1, column 'duration'", "-1.0"]),
    ],
)
def test_mistakes_in_parquet_are_said_with_row_and_column(
    tmp_path: Path, columns: dict[str, Any], words: list[str]
) -> None:
    """A row's number stands for the line that Parquet has not."""
    file = tmp_path / "wrong.parquet"
    pq.write_table(pa.table(columns), file)
    said = refused("describe", file)
    assert all(word in said for word in words), said


def test_broken_files_are_said_with_the_line_that_cannot_be_read(tmp_path: Path, requests: Path) -> None:
    """A gzip that ends too early, a damaged one, no text, half a Parquet, and no file at all."""
    packed = gzip.compress(REQUESTS.encode(), mtime=0)
    early, damaged, binary, half = (
        tmp_path / name for name in ("early.gz", "damaged.gz", "binary.csv", "half.parquet")
    )
    early.write_bytes(packed[:-40])
    damaged.write_bytes(packed[:60] + b"\xff" * 30 + packed[90:])
    binary.write_bytes(b"function,time\na,1\n\xff\xfe\n")
    whole = tmp_path / "whole.parquet"
    assert trace("convert", requests, "--write", whole).exit_code == 0
    half.write_bytes(whole.read_bytes()[:-20])
    assert "early.gz:" in (said := refused("describe", early))
    assert "ends too early" in said
    assert "damaged gzip" in refused("describe", damaged)
    assert "binary.csv:3: is no text" in refused("describe", binary)
    assert "is no whole Parquet" in refused("describe", half)
    assert "No such file" in refused("describe", tmp_path / "none.csv")


def test_description_is_for_people_and_programs(requests: Path) -> None:
    """A request every half second is a timer; JSON holds each function, and null where nothing is known."""
    found = document("describe", requests)
    assert found["functions"][0]["timer_s"] == 0.5
    assert found["functions"][0]["memory_gb"] is None
    assert found["measures"]["hours"] is None
    table = trace("describe", requests).output
    assert "every 0.5 s" in table
    assert "1 of 1 functions are timers" in table


def test_fits_are_what_a_scenario_accepts(tmp_path: Path) -> None:
    """The nearest model of bursts is two states; it is printed as the document has it."""
    file = tmp_path / "bursts.csv"
    times_s = bursts(0.5, 20.0, (300.0, 30.0), 20_000.0)
    file.write_text("function,time\n" + "".join(f"a,{at_s:.4f}\n" for at_s in times_s.tolist()))
    found = document("fit", file)["functions"][0]
    assert [one["model"] for one in found["arrivals"]] == ["mmpp", "poisson"]
    assert found["service"] is None
    said = trace("fit", file, "--function", "default/a").output
    assert "workload: {type: mmpp, states: [{rate:" in said
    assert "default/a" in refused("fit", file, "--function", "default/b")


def test_nothing_to_fit_is_not_so(tmp_path: Path) -> None:
    """Configurations alone end with 1."""
    file = tmp_path / "ibm.csv"
    file.write_text("ns,app,cpu,mem_gb,concurrency,min_scale\nn,a,0.5,4,100,1\n")
    assert trace("fit", file).exit_code == 1


def test_resampling_says_what_is_kept(tmp_path: Path, requests: Path) -> None:
    """Three times the requests, written and read back; the seed repeats it."""
    files = [tmp_path / name for name in ("one.parquet", "same.parquet", "other.parquet")]
    for file, seed in zip(files, (1, 1, 2), strict=True):
        found = document("resample", requests, "--scale", "3", "--wander", "20s", "--seed", seed, "--write", file)
        rows = {row["measure"]: row for row in found["likeness"]}
        assert rows["requests_per_s"]["after"] == pytest.approx(3 * rows["requests_per_s"]["before"])
    one, again, other = (read_trace(file) for file in files)
    assert same(one, again)
    assert not same(one, other)
    assert "Kept and lost" in trace("resample", requests, "--shift", "-10s").output


def test_traces_are_mixed_as_tenants(tmp_path: Path, requests: Path) -> None:
    """Counts beside single requests become such; each trace is a tenant."""
    folder = azure_folder(tmp_path)
    target = tmp_path / "mix.parquet"
    assert trace("resample", "--mix", f"shop={requests},azure={folder}", "--write", target).exit_code == 0
    found = read_trace(target)
    assert sorted(found.tenants()) == ["azure", "shop"]
    assert isinstance(found.load, Events)
    assert "TENANT=FILE" in refused("resample", "--mix", f"Shop={requests}")
    assert "no FILE" in refused("resample", requests, "--mix", f"shop={requests}")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--scale", "0"], "a factor above 0"),
        (["--sample", "5"], "1 to 1 functions"),
        (["--shift", "soon"], "--shift"),
        (["--wander", "3"], "--wander"),
        (["--column", "when=time"], "FIELD=NAME"),
        (["--format", "azure2021"], "is no column"),
        (["--step", "x"], "--step"),
    ],
)
def test_wrong_options_are_said(requests: Path, arguments: list[str], word: str) -> None:
    """Each with what is allowed."""
    assert word in refused("resample", requests, *arguments)


def test_which_trace_must_be_said() -> None:
    """A file or a Prometheus, one of them; of a Prometheus the whole span."""
    assert "--prometheus" in refused("describe")
    said = refused("describe", "--prometheus", "http://127.0.0.1:9", "--start", "2026-03-02T00:00:00Z")
    assert "--end" in said


def test_a_pipe_is_neither_read_nor_replaced(tmp_path: Path, requests: Path) -> None:
    """What is no regular file is refused as a trace and as the place of one; a link's own file is written."""
    pipe, link = tmp_path / "pipe", tmp_path / "link.parquet"
    os.mkfifo(pipe)
    link.symlink_to(tmp_path / "real.parquet")
    assert "is no regular file" in refused("describe", pipe)
    assert "is no regular file" in refused("convert", requests, "--write", pipe)
    assert pipe.is_fifo()
    document("convert", requests, "--write", link)
    assert link.is_symlink()
    assert same(read_trace(tmp_path / "real.parquet"), read_trace(link))


def test_what_is_no_table_is_said_to_be_none(tmp_path: Path) -> None:
    """A page of text has one cell in its first line, which is offered to nobody as a column."""
    page = tmp_path / "README.md"
    page.write_text("# Autoscaler\n\nWords.\n")
    assert "README.md:1: has one cell; allowed: cells parted by commas" in refused("describe", page)


def test_one_request_has_no_rate_and_no_length(tmp_path: Path) -> None:
    """All at one instant is said so; `1 function of 1 tenant`."""
    file = tmp_path / "one.csv"
    file.write_text("function,time\nf,1\n")
    result = trace("describe", file)
    assert "1 function of 1 tenant, at one instant." in result.output
    assert "1 requests, –/s" in result.output


def test_both_ends_of_a_span_are_asked_for_at_once() -> None:
    """Without start and end both are named."""
    assert "--start and --end are missing" in refused("describe", "--prometheus", "http://127.0.0.1:1")
