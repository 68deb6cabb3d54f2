"""Plain tables of requests and of counts: what is read, and what is said of mistakes."""

import numpy as np
import pytest

from autoscaler.simulator.trace_sets import tables
from autoscaler.simulator.trace_sets.errors import MOST_PROBLEMS
from tests.unit.simulator.trace_sets.reading import counts, events, problems, read

REQUESTS = "namespace,function,time,duration\nshop,cart,100,0.5\nblog,read,101.5,2\nshop,cart,103,0.25\n"


def test_requests_are_given_by_function_from_the_first_time_on() -> None:
    """Functions are in the order of their first request; times count from the trace's first."""
    found = read(REQUESTS)
    assert [str(one.key) for one in found] == ["shop/cart", "blog/read"]
    assert [one.tenant for one in found] == ["shop", "blog"]
    load = events(found)
    assert load.offsets.tolist() == [0, 2, 3]
    assert load.times_s.tolist() == [0.0, 3.0, 1.5]
    assert load.durations_s is not None
    assert load.durations_s.tolist() == [0.5, 0.25, 2.0]
    assert found.length_s == pytest.approx(3.5)
    assert found.service_s(0) == 0.375


@pytest.mark.parametrize(
    "text",
    [
        "function,time\na,2026-03-02T00:00:00Z\na,2026-03-02T01:00:01.5+01:00\n",
        "function,time\r\na,5\r\na,6.5\r\n",
        '\ufefffunction,time\n"a",5\n\n"a", 6.5\n',
        "time , function\n5,a\n6.5,a",
        "function,gap\na,0\na,1.5\n",
    ],
)
def test_texts_of_different_hands_say_the_same(text: str) -> None:
    """Moments, line ends, quotes, blank lines, spaces, a byte order mark and gaps in place of times are all read."""
    found = read(text)
    assert events(found).times_s.tolist() == [0.0, 1.5]
    assert found.functions[0].namespace == "default"
    assert (found.begins_utc_s is None) == ("2026" not in text)


def test_columns_may_be_named_otherwise() -> None:
    """A table of another program is read by saying which column holds what."""
    found = read("exp,t,dur_s\nx,0,1\nx,2,1\n", "plain", function="exp", time="t", duration="dur_s")
    assert events(found).durations_of(0) is not None
    assert found.functions[0].name == "x"


def test_counts_are_a_row_for_each_function_and_step() -> None:
    """Rows that are not there are steps without a request; an empty cell is not known."""
    found = read("function,time,requests\na,0,3\nb,60,\na,120,5\nb,120,7\n")
    load = counts(found)
    assert load.step_s == 60
    assert np.array_equal(load.matrix, [[3, 0, 5], [0, np.nan, 7]], equal_nan=True)
    assert found.rates().tolist() == pytest.approx([8 / 180, 7 / 120])
    assert counts(read("function,time,requests\na,0,3\na,60,4\n")).matrix.dtype == np.int32


def test_memory_is_taken_and_tenants_may_have_several_namespaces() -> None:
    """`memory_mib` is of a function's first row; a tenant has the namespaces that its rows name."""
    text = "tenant,namespace,function,time,memory_mib\nacme,one,a,0,256\nacme,two,a,1,512\nacme,one,a,2,256\n"
    found = read(text)
    assert found.tenants() == {"acme": ("one", "two")}
    assert [one.memory_gb for one in found] == [0.25, 0.5]


@pytest.mark.parametrize(
    ("text", "line", "column", "word"),
    [
        ("function,time\na,1\nb,5\na,0.5\n", 4, "time", "ascend"),
        ("function,time\na,1\na,nan\n", 3, "time", "seconds"),
        ("function,time\na,1\na,inf\n", 3, "time", "seconds"),
        ("function,time\na,1\na,soon\n", 3, "time", "seconds"),
        ("function,time\na,2026-03-02T00:00:00Z\na,7\n", 3, "time", "moments"),
        ("function,time\n,1\n", 2, "function", "a name"),
        ("function,gap\na,1\na,-0.5\n", 3, "gap", "0 at least"),
        ("function,time,duration\na,1,-2\n", 2, "duration", "0 to"),
        ("function,time,duration\na,1,\n", 2, "duration", "0 to"),
        ("function,time,requests\na,0,-1\n", 2, "requests", "number of requests"),
        ("function,time,memory_mib\na,0,0\n", 2, "memory_mib", "MiB"),
        ("function,when\na,1\n", 1, "time", "function, when"),
        ("function,time,time\na,1,1\n", 1, "time", "one column"),
        ("function;time\na;1\n", 1, "", "commas"),
        ("function,time\na,1,2\n", 2, "", "2, as the first line"),
        ('function,time\n"a,1\n', 2, "", "quoted"),
        ("", 1, "", "names of the columns"),
        ("function,time\n", None, "", "rows"),
    ],
)
def test_every_mistake_is_said_with_its_line_and_column(text: str, line: int | None, column: str, word: str) -> None:
    """What is wrong is named by file, line and column, with what is allowed."""
    found = problems(text, "plain")[0]
    assert (found.file, found.line, found.path) == ("t.csv", line, f"column '{column}'" if column else "")
    assert word in found.allowed


def test_what_cannot_be_counts_is_said() -> None:
    """Times between steps, a step that is there twice and more cells than memory holds are refused."""
    assert "whole steps of 60 s" in problems("function,time,requests\na,0,1\na,90,1\n", step_s=60)[0].allowed
    assert "each function and step" in problems("function,time,requests\na,0,1\na,0,1\n", step_s=60)[0].allowed
    assert "cells" in problems("function,time,requests\na,0,1\na,1e9,1\n", step_s=1)[0].allowed


def test_a_namespace_has_one_tenant() -> None:
    """Two tenants with a function of the same name in one namespace are refused: they would be one Deployment."""
    text = "tenant,namespace,function,time\nx,n,a,0\ny,n,a,1\n"
    assert "namespaces that one tenant has" in problems(text)[0].allowed


def test_all_mistakes_are_said_at_once_but_no_million() -> None:
    """Several mistakes are listed together, as many as one wants to read."""
    rows = "".join(f"a,-{row}x\n" for row in range(100))
    assert len(problems("function,time\n" + rows)) == MOST_PROBLEMS
    assert [one.line for one in problems("function,time,duration\na,1,x\na,2,y\n")] == [2, 3]


def test_lines_and_order_are_kept_over_the_pieces_that_a_text_is_read_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut into pieces of three rows, quotes in a later piece included, a text says the same, and lines are the file's."""
    rows = [f"f{row % 4},{row}\n" for row in range(20)]
    quoted = [*rows[:10], '"f2",10\n', *rows[11:]]
    wrong = [*rows[:18], "f2,3\n", *rows[19:]]
    whole = read("function,time\n" + "".join(rows))
    monkeypatch.setattr(tables, "BATCH_ROWS", 3)
    for text in (rows, quoted):
        found = read("function,time\n" + "".join(text))
        assert events(found).times_s.tolist() == events(whole).times_s.tolist()
    assert [one.line for one in problems("function,time\n" + "".join(wrong))] == [20]
    gaps = "".join(f"f{row % 2},1.5\n" for row in range(10))
    assert events(read("function,gap\n" + gaps)).times_of(1).tolist() == [1.5, 3.0, 4.5, 6.0, 7.5]
