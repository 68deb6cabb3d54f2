"""Choosing rows of columns: parts, lanes within them, and columns that are one number seen many times."""

import numpy as np
import pytest

from autoscaler.core.knobs import compact, knobs_of
from autoscaler.core.part import ALL, Lanes, Part, numbers_at
from tests.unit.core.fleets import INF, make_rules

FUNCTIONS = 8
PARTS = [None, np.array([1, 2, 4, 7]), np.array([0, 3]), np.arange(FUNCTIONS - 1)]


@pytest.mark.parametrize("rows", PARTS)
@pytest.mark.parametrize("lanes", [np.array([2, 4, 5]), np.arange(FUNCTIONS), np.empty(0, np.int64)])
def test_lanes_are_found_in_any_part(rows: np.ndarray | None, lanes: np.ndarray) -> None:
    """What is found are the lanes whose rows are in the part, in order, and where these rows stand in it."""
    part, found = Part(FUNCTIONS, rows), Lanes(lanes, FUNCTIONS)
    which, at = found.of(part, FUNCTIONS)
    expected = lanes if rows is None else np.intersect1d(lanes, rows)
    assert lanes[which].tolist() == part.rows_at(at).tolist() == found.rows_in(part, FUNCTIONS).tolist()
    assert part.rows_at(at).tolist() == expected.tolist()
    assert found.of(part, FUNCTIONS)[1] is at


@pytest.mark.parametrize("rows", PARTS)
@pytest.mark.parametrize("lanes", [np.array([2, 4, 5]), np.arange(FUNCTIONS), np.empty(0, np.int64)])
def test_lanes_at_some_positions_are_those_and_no_others(rows: np.ndarray | None, lanes: np.ndarray) -> None:
    """Of positions, the lanes there are given by their place among the lanes of the part."""
    part, found = Part(FUNCTIONS, rows), Lanes(lanes, FUNCTIONS)
    _, at = found.of(part, FUNCTIONS)
    positions = np.arange(0, part.size, 2)
    assert at[found.among(positions, part, FUNCTIONS)].tolist() == np.intersect1d(at, positions).tolist()
    assert found.among(positions[:0], part, FUNCTIONS).tolist() == []


@pytest.mark.parametrize("rows", PARTS)
def test_of_rows_those_within_a_part_are_found(rows: np.ndarray | None) -> None:
    """What is given are the positions of the rows that the part has; of the others none."""
    part, wanted = Part(FUNCTIONS, rows), np.array([0, 2, 3, 7])
    expected = wanted if rows is None else np.intersect1d(wanted, rows)
    assert part.rows_at(part.positions(wanted)).tolist() == expected.tolist()
    assert Part(FUNCTIONS, np.empty(0, np.int64)).positions(wanted).tolist() == []


def test_all_lanes_of_the_whole_fleet_are_a_slice() -> None:
    """Where the part is everything no lane has to be chosen."""
    assert Lanes(np.array([2, 4]), FUNCTIONS).of(Part(FUNCTIONS), FUNCTIONS)[0] == ALL


def test_a_column_that_says_the_same_of_everybody_is_one_number() -> None:
    """Such a column, of numbers or of nan, takes no memory, and any choice of rows gives that number."""
    rules = compact(make_rules(4, max_rate_up=7.0, activation=np.array([1.0, 2.0, 1.0, 1.0])))
    assert rules.max_rate_up.strides == rules.fallback_replicas.strides == (0,)
    assert rules.activation.strides == (8,)
    at = np.array([1, 3])
    assert numbers_at(rules.max_rate_up, at).tolist() == [7.0, 7.0]
    assert numbers_at(rules.activation, at).tolist() == [2.0, 1.0]
    assert np.isnan(numbers_at(rules.fallback_replicas, at)).tolist() == [True, True]


def test_rules_of_a_part_are_those_of_its_rows() -> None:
    """One number seen many times or not: the rules of a part are what the fleet's rules say of its rows."""
    rules = make_rules(4, target_rps=np.array([1.0, 2.0, INF, 4.0]), concurrency_limit=20.0)
    for rows in (None, np.array([0, 2]), np.empty(0, np.int64)):
        part = Part(4, rows)
        for of_all, small in zip(knobs_of(rules, part), knobs_of(compact(rules), part), strict=True):
            np.testing.assert_array_equal(of_all, small)


def test_rules_of_no_function_are_empty() -> None:
    """A fleet without functions has columns without numbers."""
    assert [len(column) for column in compact(make_rules(0))] == [0] * len(compact(make_rules(0)))
