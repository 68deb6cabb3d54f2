"""The report of a sweep, from its values."""

import json

from autoscaler.simulator.report.parts import Json, View
from autoscaler.simulator.report.sweep_report import sweep_report
from autoscaler.simulator.slo import NAMES, Slo
from autoscaler.simulator.sweeps.estimates import Estimate
from autoscaler.simulator.sweeps.grid import Configuration
from autoscaler.simulator.sweeps.ledger import Kept
from autoscaler.simulator.sweeps.outcome import Difference, Failure, Summary, SweepOutcome

BASE, QUICK, WASTE = (Configuration(name, "", (("zero.after", '"5m"'),)) for name in ("base", "quick", "waste"))
SECOND = Configuration("base", "weekend", ())


def measured(cold: float, cost: float) -> dict[str, Estimate | None]:
    """Give measures of five seeds; whatever else there is had nothing to measure."""
    found = {
        "cold": Estimate(cold, cold / 10, 5),
        "gb_seconds": Estimate(cost, None, 1),
        "replica_seconds": Estimate(8 * cost, None, 1),
    }
    return {name: found.get(name) for name in NAMES}


def outcome(**more: object) -> SweepOutcome:
    summaries = (
        Summary(BASE, measured(0.1, 100.0), (1, 2), kept=Kept(2, 2, 0.5, None)),
        Summary(QUICK, measured(0.05, 150.0), (1, 2)),
        Summary(WASTE, measured(0.1, 200.0), (1, 2), dominated_by=QUICK, is_certain=True),
    )
    values: dict[str, object] = {
        "title": "Keep-alive",
        "minimize": ("cold", "gb_seconds"),
        "slo": Slo.parse("cold<=0.2"),
        "confidence": 0.95,
        "summaries": summaries,
        "differences": (Difference(QUICK, BASE, measured(-0.05, 50.0)),),
        "failures": (Failure(WASTE, 3, "an invariant was broken"),),
    }
    return SweepOutcome(**values | more)  # type: ignore[arg-type]


def traces(view: View) -> dict[str, Json]:
    return {trace["name"]: trace for trace in view.traces}


def test_the_front_joins_who_is_not_beaten_and_everybody_has_an_interval() -> None:
    """A point and its interval for each configuration, the beaten pale, and a line through the others by the first objective."""
    report = sweep_report(outcome(), "autoscaler sweep study.yaml")
    ((picture, table),) = report.sections[0].pictures
    drawn = traces(picture.views[0])
    assert drawn["the front"]["x"] == [0.05, 0.1]
    assert drawn["the front"]["y"] == [150, 100]
    assert drawn["base"]["error_x"]["array"] == [0.01]
    assert drawn["base"]["error_y"]["visible"] is False
    assert drawn["waste"]["marker"]["opacity"][0] < drawn["base"]["marker"]["opacity"][0]
    assert table is not None
    assert [row[0] for row in table.rows] == [str(QUICK), str(BASE), str(WASTE)]
    assert table.rows[2][2] == str(QUICK)
    assert [row[3] for row in table.rows] == ["", "2 of 2", ""]
    json.dumps([view.traces for view in picture.views], allow_nan=False)


def test_traces_have_a_front_each_and_pairs_of_objectives_a_view_each() -> None:
    """Three objectives over two traces are six views, each with axes of its own; one objective is drawn against what it costs."""
    two = (*outcome().summaries, Summary(SECOND, measured(0.2, 90.0), (1,)))
    three = sweep_report(outcome(minimize=("cold", "gb_seconds", "replica_seconds"), summaries=two), "command")
    ((picture, _),) = three.sections[0].pictures
    assert [view.name for view in picture.views][:3] == [
        "cold against gb_seconds",
        "cold against gb_seconds, weekend",
        "cold against replica_seconds",
    ]
    assert len(picture.views) == 6
    assert picture.views[4].layout["xaxis"]["title"]["text"] == "gb seconds (GB-s)"
    ((picture, _),) = sweep_report(outcome(minimize=("cold",)), "command").sections[0].pictures
    assert [view.name for view in picture.views] == ["cold against replica_seconds"]


def test_a_sweep_of_which_nothing_could_be_measured_is_a_table() -> None:
    """Without a value there is no empty picture, and the configurations are still listed."""
    report = sweep_report(outcome(minimize=("p99_wait", "refused"), differences=()), "command")
    assert report.sections[0].pictures == []
    assert len(report.sections[0].tables[0].rows) == 3


def test_differences_and_failures_are_told() -> None:
    """The paired differences are a picture with a table; what could not be run stands with its error, and seeds at the foot."""
    report = sweep_report(outcome(), "command", {"autoscaler": "0.1.0"})
    assert [section.id for section in report.sections] == ["trade", "paired-section", "failures"]
    ((picture, table),) = report.sections[1].pictures
    assert [view.name for view in picture.views] == ["cold (fraction)", "gb seconds (GB-s)"]
    assert picture.views[0].traces[0]["x"] == [-0.05]
    assert table is not None
    assert report.sections[2].tables[0].rows[0][2] == "an invariant was broken"
    assert report.foot == {"seeds": "1, 2", "autoscaler": "0.1.0"}
    assert [figure.value for figure in report.figures] == ["3", "2", "1", "1"]
