"""CSV texts of rates: what is read, and what is said of mistakes."""

import numpy as np
import pytest

from autoscaler.policy.problems import Problem
from autoscaler.simulator.rate_table import MOST_PROBLEMS, RateTable, RateTableError, read_table
from autoscaler.simulator.traces import CsvTrace

TEXT = "time,a,b\n0,60,1\n60,,2\n180,120,3\n"


def read(text: str, *wanted: str, step_s: float | None = None, time: str = "time") -> RateTable:
    return read_table(text, "rates.csv", wanted or ("a",), time=time, step_s=step_s)


def problems(text: str, *wanted: str, step_s: float | None = None) -> tuple[Problem, ...]:
    with pytest.raises(RateTableError) as caught:
        read(text, *wanted, step_s=step_s)
    return caught.value.problems


def trace(**fields: object) -> CsvTrace:
    return CsvTrace.model_validate({"type": "csv", "file": "rates.csv", **fields})


def test_rows_hold_until_the_next_and_the_last_as_long_as_the_one_before() -> None:
    """Rows at 0, 60 and 180 s end at 60, 180 and 300 s; an empty cell is not known."""
    table = read(TEXT, "a", "b")
    assert table.edges_s.tolist() == [0, 60, 180, 300]
    assert table.columns["b"].tolist() == [1, 2, 3]
    assert np.array_equal(table.columns["a"], [60, np.nan, 120], equal_nan=True)


@pytest.mark.parametrize(
    "text",
    [
        "time,a\n1700000000,1\n1700000030.5,2\n",
        "time,a\n2026-03-02T00:00:00Z,1\n2026-03-02T01:00:30.5+01:00,2\n",
        '\ufefftime,a\r\n"5","1"\r\n\r\n35.5, 2 \r\n',
    ],
)
def test_times_are_seconds_or_moments_from_the_first_row(text: str) -> None:
    """Seconds of any origin and moments of any zone count from the first row; BOM, CRLF, quotes and blanks are borne."""
    table = read(text)
    assert table.edges_s.tolist() == [0, 30.5, 61]
    assert table.columns["a"].tolist() == [1, 2]


def test_a_file_without_times_has_rows_of_one_length() -> None:
    """With a step of a minute three rows are three minutes, whatever other columns hold; one row will do."""
    assert read("a,note\n1,x\n2,y\n3,\n", step_s=60.0).edges_s.tolist() == [0, 60, 120, 180]
    assert read("a\n1\n", step_s=60.0).edges_s.tolist() == [0, 60]


@pytest.mark.parametrize(
    ("unit", "rates"),
    [
        ("rps", [60, 120]),
        ("requests-per-minute", [1, 2]),
        ("requests-per-hour", [1 / 60, 2 / 60]),
        ("requests", [6, 1]),
    ],
)
def test_units_come_to_requests_a_second(unit: str, rates: list[float]) -> None:
    """60 and 120 are rates of a second, a minute or an hour, or counts of rows of 10 and 120 s."""
    table = RateTable(np.array([0.0, 10.0, 130.0]), {"a": np.array([60.0, 120.0])})
    assert table.recorded(trace(unit=unit), "a", "f").rates == pytest.approx(rates)
    assert table.recorded(trace(unit=unit, scale=0.5), "a", "f").rates == pytest.approx(np.array(rates) / 2)


def test_a_rate_beyond_what_is_simulated_is_refused_where_it_arises() -> None:
    """What a unit and a scale make of a cell may be at most a million requests/s; the column is named."""
    table = RateTable(np.array([0.0, 0.001, 1.0]), {"a": np.array([5000.0, np.nan])})
    with pytest.raises(RateTableError) as caught:
        table.recorded(trace(unit="requests"), "a", "f")
    assert caught.value.problems[0].path == "column 'a'"
    assert "1e+06" in caught.value.problems[0].allowed


@pytest.mark.parametrize(
    ("text", "line", "path", "word"),
    [
        ("", 1, "", "empty"),
        ("\n\n", 1, "", "empty"),
        ("time,b\n0,1\n1,1\n", 1, "column 'a'", "no column"),
        ("t,a\n0,1\n1,1\n", 1, "column 'time'", "no column"),
        ("time,a,a\n0,1,1\n1,1,1\n", 1, "column 'a'", "several"),
        ("time,a\n0,1\n1,-0.5\n", 3, "column 'a'", "-0.5"),
        ("time,a\n0,1\n1,nan\n", 3, "column 'a'", "nan"),
        ("time,a\n0,1\n1,inf\n", 3, "column 'a'", "inf"),
        ("time,a\n0,1\n1,1e999\n", 3, "column 'a'", "1e999"),
        ("time,a\n0,1\n1,1_000\n", 3, "column 'a'", "1_000"),
        ("time,a\n0,1\n1,1;5\n", 3, "column 'a'", "1;5"),
        ("time,a\n0,1\n,1\n", 3, "column 'time'", "''"),
        ("time,a\n0,1\n1e300,1\n", 3, "column 'time'", "1e300"),
        ("time,a\n0,1\n2026-03-02 08:00,1\n", 3, "column 'time'", "2026"),
        ("time,a\n5,1\n5,1\n", 3, "column 'time'", "not after"),
        ("time,a\n5,1\n4,1\n", 3, "column 'time'", "not after"),
        ("time,a\n10000000000,1\n10000000000.0000001,1\n", 3, "column 'time'", "not after"),
        ("time,a\n0,1\n1\n", 3, "", "1 cells"),
        ("time,a\n0,1\n1,2,3\n", 3, "", "3 cells"),
        ('time,a\n0,1\n1,"2\n', 3, "", "no CSV"),
        ("time,a\n0,1\n", None, "", "1 rows"),
        ("time,a\n", None, "", "0 rows"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_column(text: str, line: int | None, path: str, word: str) -> None:
    """Each kind of mistake names file, line and column, repeats what is there, and says what is allowed."""
    found = problems(text)
    assert [(one.file, one.line, one.path) for one in found] == [("rates.csv", line, path)]
    assert word in found[0].wrong
    assert found[0].allowed


def test_numbers_and_moments_are_not_mixed() -> None:
    """A file counts seconds or names moments; a row of the other kind would lie decades away."""
    found = problems("time,a\n0,1\n2026-03-02T00:00:00Z,2\n")
    assert [(one.line, one.path) for one in found] == [(3, "column 'time'")]
    assert "seconds" in found[0].allowed
    found = problems("time,a\n2026-03-02T00:00:00Z,2\n1800000000,1\n")
    assert "moment" in found[0].allowed


def test_a_name_that_several_columns_have_suggests_no_column() -> None:
    """Where a name is there twice another name is what helps, not the same one."""
    (found,) = problems("time,a,a\n0,1,2\n1,1,2\n")
    assert "did you mean" not in found.allowed


@pytest.mark.parametrize("sign", [";", "\t"])
def test_other_separators_are_recognised(sign: str) -> None:
    """A file whose cells are parted by semicolons or tabs is told that commas are needed."""
    found = problems(f"time{sign}a\n0{sign}1\n")
    assert len(found) == 1
    assert "commas" in found[0].allowed


def test_a_missing_column_suggests_the_nearest() -> None:
    """`rezise` is no column of a file that has `resize`."""
    assert "did you mean resize?" in problems("time,resize\n0,1\n1,1\n", "rezise")[0].allowed


def test_many_mistakes_are_listed_up_to_a_number() -> None:
    """A file of a thousand bad cells gives a page of problems, the first ones, in order."""
    found = problems("time,a\n" + "".join(f"{row},x\n" for row in range(1_000)))
    assert [one.line for one in found] == list(range(2, MOST_PROBLEMS + 2))


def test_every_mistake_of_several_columns_is_told_at_once() -> None:
    """A bad time and two bad cells of one row are three problems."""
    found = problems("time,a,b\n0,1,1\nx,-1,?\n", "a", "b")
    assert [one.path for one in found] == ["column 'time'", "column 'a'", "column 'b'"]
