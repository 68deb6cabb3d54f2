"""Studies: read, refused with line and path, and turned into cells."""

import pytest

from autoscaler.simulator.slo import Slo
from autoscaler.simulator.sweeps.grid import Cell, Configuration, Grid, cell_key
from autoscaler.simulator.sweeps.study import Range, Study, StudyError, parse_study

STUDY = """\
kind: Study
scenario: scenario.yaml
policies:
  - name: own
  - name: fixed
    decider: {type: fixed}
    parameters: {decider.replicas: {from: 1, to: 3}}
parameters:
  startUp: [1s, 5s]
traces:
  - {name: one, workload: {type: constant, rate: 1}}
  - {name: two, workload: {type: constant, rate: 2}}
seeds: [7, 9]
slo: {require: "p99_wait<=0.5", each: tenant}
"""


def study(text: str = STUDY) -> Study:
    return parse_study(text, "study.yaml")[0]


def test_every_policy_meets_every_parameter_trace_and_seed() -> None:
    """Two traces of a policy with two values and one with two times three: sixteen configurations, thirty-two cells."""
    grid = Grid(study())
    configurations = list(grid)
    assert (grid.configurations, len(configurations), len(set(configurations)), grid.cells) == (16, 16, 16, 32)
    assert configurations[0] == Configuration("own", "one", (("startUp", '"1s"'),))
    assert configurations[-1] == Configuration("fixed", "two", (("startUp", '"5s"'), ("decider.replicas", "3")))


def test_a_search_takes_its_parameter_out_of_the_grid() -> None:
    """What is bisected is not in the grid too."""
    assert Grid(study(), without="decider.replicas").configurations == 8


def test_a_grid_of_any_size_is_counted_without_being_made() -> None:
    """Ten ranges of a million are ten to the sixtieth cells, and the first is there at once."""
    ranges = "".join(f"  p{number}: {{from: 1, to: 1000000}}\n" for number in range(10))
    grid = Grid(study(f"kind: Study\nscenario: s.yaml\nseeds: 1\nparameters:\n{ranges}"))
    assert grid.cells == 10**60
    assert next(iter(grid)).values["p9"] == 1


def test_singles_try_each_value_once() -> None:
    """Before a sweep each value is looked at with the others at their first: sums, not products; of ranges the ends."""
    singles = [(one.policy, one.trace, path, place) for one, path, place in Grid(study()).singles()]
    mine = [(policy, path, place) for policy, trace, path, place in singles if trace == "two"]
    assert mine == [
        ("own", None, 0),
        ("own", "startUp", 1),
        ("fixed", None, 0),
        ("fixed", "startUp", 1),
        ("fixed", "decider.replicas", 2),
    ]


def test_steps_of_a_tenth_are_written_as_people_do() -> None:
    """A range of tenths has 0.3 in it, and its end."""
    assert list(Range(0.1, 0.5, 0.1)) == [0.1, 0.2, 0.3, 0.4, 0.5]
    assert list(Range(1, 6, 2)) == [1, 3, 5]
    assert Range(1, 9)[-1] == 9


def test_defaults_are_the_scenarios_own() -> None:
    """Without policies and traces there is one configuration, and five seeds."""
    small = study("kind: Study\nscenario: s.yaml\n")
    assert [str(one) for one in Grid(small)] == ["scenario"]
    assert (list(small.seed_list), small.base, small.objective, small.rows) == (
        [1, 2, 3, 4, 5],
        "scenario",
        None,
        "tenant",
    )


def test_configurations_are_written_as_studies_have_them() -> None:
    """Texts and numbers as they are, mappings and lists as YAML has them in a line."""
    one = Configuration("ours", "", ()).setting("a.zero", {"after": "2m", "of": [1, None, True]})
    assert str(one.setting("b.spec.target", 0.5).setting("startUp", "5s")) == (
        "ours a.zero={after: 2m, of: [1, null, true]} target=0.5 startUp=5s"
    )


def test_the_rows_that_an_objective_needs_are_kept() -> None:
    """An objective of each function keeps rows by function, whatever `keep` says."""
    text = STUDY.replace("each: tenant", "each: function") + "keep: all\n"
    assert study(text).rows == "function"
    assert study().objective == Slo.parse("p99_wait<=0.5", "tenant")


CELL = Cell(Configuration("own", "one", (("startUp", '"1s"'),)), 7)
CONTENTS = {"policy/own": "a", "trace/one": "b"}


def test_a_cell_is_named_by_what_it_is_run_with() -> None:
    """Another seed, value, document, trace, scenario or version is another cell; the same is the same."""
    key = cell_key(CELL, CONTENTS, "rest")
    others = {
        cell_key(Cell(CELL.configuration, 8), CONTENTS, "rest"),
        cell_key(Cell(CELL.configuration.setting("startUp", "2s"), 7), CONTENTS, "rest"),
        cell_key(CELL, CONTENTS | {"policy/own": "c"}, "rest"),
        cell_key(CELL, CONTENTS | {"trace/one": "c"}, "rest"),
        cell_key(CELL, CONTENTS, "other"),
    }
    assert key == cell_key(CELL, dict(CONTENTS), "rest")
    assert key not in others
    assert len(others) == 5


@pytest.mark.parametrize(
    ("text", "line", "path", "wrong", "allowed"),
    [
        ("kind: Study\n", 1, "scenario", "is missing", "needed"),
        ("kind: Studie\nscenario: s\n", 1, "kind", "Studie", "Study"),
        ("kind: Study\nscenario: s\nseed: 3\n", 3, "seed", "is no field", "did you mean seeds?"),
        (
            "kind: Study\nscenario: s\nparameters:\n  startUp: []\n",
            4,
            "parameters.startUp",
            "grid is empty",
            "one value",
        ),
        (
            "kind: Study\nscenario: s\nparameters:\n  startUp: 5s\n",
            4,
            "parameters.startUp",
            "neither a list nor a range",
            "a list of values, or",
        ),
        (
            "kind: Study\nscenario: s\nparameters:\n  x: {from: 5, to: 1}\n",
            4,
            "parameters.x",
            "contradict",
            "`to` at or above",
        ),
        (
            "kind: Study\nscenario: s\nparameters:\n  x: {from: 1, to: .nan}\n",
            4,
            "parameters.x",
            "contradict",
            "numbers as",
        ),
        ("kind: Study\nscenario: s\nparameters:\n  x: [1, 2, 1]\n", 4, "parameters.x", "a value twice", "different"),
        ("kind: Study\nscenario: s\nparameters:\n  a..b: [1]\n", 4, "parameters.a..b", "no path", "startUp"),
        ("kind: Study\nscenario: s\nseeds: 0\n", 3, "seeds", "no seed", "from 1"),
        ("kind: Study\nscenario: s\nseeds: [1, 1]\n", 3, "seeds", "twice", "different"),
        (
            "kind: Study\nscenario: s\nminimize: [cold, costs]\n",
            3,
            "minimize",
            "costs is no measure",
            "did you mean cost?",
        ),
        ("kind: Study\nscenario: s\nslo: p99<=1\n", 3, "slo", "p99 is no measure", "p99_wait"),
        (
            "kind: Study\nscenario: s\nslo: p99_wait<=1\nsearch: {minimize: x}\n",
            4,
            "search.minimize",
            "no measure",
            "cold",
        ),
        ("kind: Study\nscenario: s\nsearch: {minimize: cost}\n", 1, "", "contradict", "`slo` beside"),
        ("kind: Study\nscenario: s\ncompareWith: b\n", 1, "", "contradict", "one of its policies"),
        ("kind: Study\nscenario: s\npolicies: [{name: a}, {name: a}]\n", 1, "", "contradict", "each name once"),
        ("", 1, "", "0 documents", "one mapping"),
        ("kind: Study\nscenario: s\n---\nkind: Tenant\n", 4, "", "2 documents", "one mapping"),
        ("kind: Study\nscenario: [\n", 3, "", "is no YAML", "one mapping"),
    ],
)
def test_what_is_wrong_is_said_with_line_and_path(text: str, line: int, path: str, wrong: str, allowed: str) -> None:
    """Each answer names file, line and field, what is wrong and what is allowed."""
    with pytest.raises(StudyError) as refused:
        parse_study(text, "study.yaml")
    problem = refused.value.problems[0]
    assert (problem.file, problem.line, problem.path) == ("study.yaml", line, path)
    assert wrong in problem.wrong
    assert allowed in problem.allowed


def test_all_problems_are_said_at_once() -> None:
    """A study with three mistakes has three answers."""
    with pytest.raises(StudyError) as refused:
        parse_study("kind: Study\nscenario: s\nseeds: 0\nminimize: [x]\nslo: y\n", "study.yaml")
    assert [problem.path for problem in refused.value.problems] == ["seeds", "minimize", "slo"]
