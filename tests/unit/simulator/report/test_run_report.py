"""The report of a run, from its values."""

import json

import pytest

from autoscaler.simulator.report.costing import costing
from autoscaler.simulator.report.differing import differences, verdict
from autoscaler.simulator.report.drawing import Clock, digits
from autoscaler.simulator.report.parts import Report, Section, Table
from autoscaler.simulator.report.ran import Ran
from autoscaler.simulator.report.run_report import run_report
from autoscaler.simulator.report.waiting import waiting
from autoscaler.simulator.report.words import change, plain, seconds, share, short
from autoscaler.simulator.result import Row
from autoscaler.simulator.run import simulate
from autoscaler.simulator.scenario import parse
from autoscaler.simulator.timeline import Timeline
from tests.unit.simulator.report.values import BOUND, GAP, result, row
from tests.unit.simulator.test_timeline import SCENARIO

ACME = row(
    "acme", requests=1000, cold=20, refused=3, wait_p99_s=0.5, replica_seconds=7200.0, busy_s=3600.0, idle_s=3600.0
)
FUNCTIONS = (
    row("acme", "acme/resize", requests=900, cold=9),
    row("acme", "acme/render", requests=100, cold=50),
    row("acme", "acme/unused"),
)


def ids(report: Report) -> list[str]:
    return [section.id for section in report.sections]


def column(table: Table, name: str) -> list[object]:
    place = [one.name for one in table.columns].index(name)
    return [cells[place] for cells in table.rows]


def pictures(section: Section) -> list[str]:
    return [picture.id for picture, _ in section.pictures]


@pytest.fixture(scope="module")
def followed() -> Ran:
    """A run of two tenants, one of them under a cap."""
    timeline = Timeline()
    scenario, documents = parse(SCENARIO)
    return Ran("policies", simulate(scenario, {"scenario.yaml": documents}, watch=timeline.watch), timeline)


def test_a_followed_run_has_every_section_and_picture(followed: Ran) -> None:
    """Time, waits, bounds and cost, each with its pictures and a table behind every one."""
    report = run_report(followed, None, "autoscaler simulate x.yaml")
    assert ids(report) == ["time", "waits", "bound", "cost"]
    found = [picture for section in report.sections for picture, _ in section.pictures]
    assert [one.id for one in found] == [
        "over-time",
        "by-tenant",
        "waits-tail",
        "cold",
        "shortages",
        "reasons",
        "cost",
    ]
    assert all(table is not None and table.rows for section in report.sections for _, table in section.pictures)
    assert all(axis["title"]["text"] for one in found for name, axis in one.layout.items() if name.startswith("xaxis"))
    json.dumps([one.views[0].traces for one in found], allow_nan=False)


def test_two_runs_are_compared_first(followed: Ran) -> None:
    """With another run the comparison is the first section, with a point for each tenant and both lines over time."""
    report = run_report(followed, Ran("others", followed.result, followed.timeline), "command")
    assert ids(report)[0] == "difference"
    assert pictures(report.sections[0]) == ["trade", "both"]
    assert "0 tenants worse, 0 better" in report.sections[0].words[0]


def test_views_are_everything_then_tenants_then_functions(followed: Ran) -> None:
    """The list to choose from begins with everything; tenants and functions follow."""
    report = run_report(followed, None, "command")
    (over_time, _), *_ = report.sections[0].pictures
    assert [view.name for view in over_time.views][:4] == [
        "Everything",
        "Tenant capped",
        "Tenant free",
        "Tenant (no tenant)",
    ]
    assert over_time.views[4].name == "capped/work-0"


def test_without_ticks_there_is_no_time_line() -> None:
    """A run that nobody watched has waits and cost, says that nothing was decided in ticks, and no empty picture."""
    report = run_report(Ran("keepAlive", result(ACME, ticks=0, decided={}, changes={})), None, "command")
    assert ids(report) == ["waits", "bound", "cost"]
    assert pictures(report.sections[1]) == []


def test_who_was_refused_by_which_budget_is_a_table() -> None:
    """Functions stand with the limit that bound them and what they did not have, the most first."""
    report = run_report(Ran("policies", result(ACME, bound=BOUND)), None, "command")
    (table,) = report.sections[1].tables
    assert column(table, "function") == ["acme/resize", "acme/render", "umbrella/mail"]
    assert column(table, "limit") == ["BUDGET", "BUDGET", "POOL"]
    assert column(table, "not had") == [2.0, 0.5, 0.01]
    assert "acme, umbrella" in report.sections[1].words[0]


def test_requests_that_were_refused_an_instance_are_counted_as_such() -> None:
    """Where every request decides for itself there are no ticks to count: words and table speak of requests."""
    report = run_report(Ran("keepAlive", result(ACME, ticks=0, decided={}, changes={}, bound=BOUND)), None, "command")
    (table,) = report.sections[1].tables
    assert [one.unit for one in table.columns[-2:]] == ["requests", "instance-hours"]
    assert "55 of them, 2.51 instance-hours" in report.sections[1].words[0]
    assert "ticks" not in report.subtitle


def test_a_baseline_is_said_to_know_no_budgets() -> None:
    """Under a decider that is not ours the documents' budgets do not hold, which is said where budgets are."""
    told = {
        decider: run_report(Ran("x", result(ACME, decider=decider)), None, "command").sections[1].words
        for decider in ("", "controller", "fixed")
    }
    assert told[""] == told["controller"]
    assert any("fixed" in words and "caps" in words for words in told["fixed"])


def test_gaps_and_provenance_are_told() -> None:
    """Stretches without data have a section; seed and hashes stand at the foot."""
    report = run_report(Ran("policies", result(ACME, gaps=(GAP,))), None, "autoscaler simulate x --seed 7")
    assert ids(report)[-1] == "gaps"
    assert report.command == "autoscaler simulate x --seed 7"
    assert report.foot == {"seed": "7", "scenario": "sha256:1234"}


def test_cold_starts_are_spread_over_functions_that_had_requests() -> None:
    """The curve ends at 1, functions without requests are left out, and the table begins with the coldest."""
    section = waiting(result(ACME, functions=FUNCTIONS), None)
    ((picture, table),) = section.pictures
    (trace,) = picture.views[0].traces
    assert trace["x"] == [0.0, 0.01, 0.5, 1.0]
    assert trace["y"] == [0.0, 0.5, 1, 1.0]
    assert table is not None
    assert column(table, "function") == ["acme/render", "acme/resize"]


def test_waits_are_drawn_from_all_who_waited_down_to_the_few(followed: Ran) -> None:
    """The curve begins at a power of ten with the fraction that waited at all, and then never rises."""
    (picture, _), *_ = waiting(followed.result, followed.timeline).pictures
    everything = picture.views[0].traces[0]
    assert everything["name"] == "everything"
    assert everything["x"][0] == 10.0 ** picture.layout["xaxis"]["range"][0]
    assert everything["x"] == sorted(everything["x"])
    assert everything["y"] == sorted(everything["y"], reverse=True)
    assert everything["y"][0] == everything["y"][1] < 1


def test_cost_is_split_and_priced_only_where_there_are_prices() -> None:
    """A bar has the parts of what was paid for in hours; the column of cost is there only with prices."""
    rows = (ACME, row("umbrella", replica_seconds=360.0, starting_s=360.0))
    ((picture, table),) = costing(result(*rows)).pictures
    busy, idle, starting, _ = picture.views[0].traces
    assert (busy["x"], idle["x"], starting["x"]) == ([1.0, 0.0], [1.0, 0.0], [0.0, 0.1])
    assert table is not None
    assert "cost" not in [one.name for one in table.columns]
    ((_, table),) = costing(result(row("acme", cost=1.5))).pictures
    assert table is not None
    assert column(table, "cost") == [1.5]


def test_many_tenants_are_one_bar_more() -> None:
    """Beyond the twentieth tenant bars are summed, so that nothing is missing; alike shortened names stay apart."""
    rows = tuple(row(f"a-tenant-with-a-very-long-name-{number:03}-of-many", busy_s=3600.0) for number in range(60))
    ((picture, _),) = costing(result(*rows)).pictures
    busy = picture.views[0].traces[0]
    assert len(busy["x"]) == 21
    assert sum(busy["x"]) == 60.0
    assert picture.layout["yaxis"]["ticktext"][-1] == "40 more"


@pytest.mark.parametrize(
    ("after", "is_worse", "is_better"),
    [
        ({}, False, False),
        ({"wait_p99_s": 0.6}, True, False),
        ({"wait_p99_s": 0.51}, False, False),
        ({"wait_p99_s": 0.2}, False, True),
        ({"refused": 30}, True, False),
        ({"failed": 30}, True, False),
        ({"refused": 0}, False, True),
        ({"refused": 30, "wait_p99_s": 0.1}, True, True),
    ],
)
def test_worse_is_who_waits_longer_or_is_refused_more(after: dict[str, float], is_worse: bool, is_better: bool) -> None:
    """Beyond a trifle, a longer p99 wait or a larger share refused or failed is worse; the other way round is better."""
    numbers = {"requests": 1000, "refused": 3, "wait_p99_s": 0.5}
    before, changed = row("acme", **numbers), row("acme", **numbers | after)
    (difference,) = differences(result(before), result(changed))
    assert (difference.is_worse, difference.is_better) == (is_worse, is_better)


def test_a_verdict_is_one_line_of_changes() -> None:
    """What the second run costs more or less than the first, and how many tenants are worse."""

    def of(**numbers: float) -> Row:
        return row("acme", **{"requests": 1000, "wait_p99_s": 0.5} | numbers)

    before, after = (
        result(of(cold=100, replica_seconds=100.0)),
        result(of(cold=69, replica_seconds=108.0, wait_p99_s=0.7)),
    )
    said = verdict(Ran("B", after), Ran("A", before))
    assert said.startswith("B against A: -31.0 % cold, ±0 % refused, +8.0 % replica-seconds")
    assert said.endswith("1 tenant worse, 0 better.")


def test_numbers_are_written_for_people() -> None:
    """Shares, spans and changes keep the digits that matter, and no data is a dash."""
    assert [share(0, 10), share(1, 200), share(1, 4), share(4, 4), share(0, 0)] == [
        "0 %",
        "0.50 %",
        "25.0 %",
        "100 %",
        "–",
    ]
    assert [seconds(None), seconds(0.0), seconds(0.0421), seconds(2.5), seconds(90.2)] == [
        "–",
        "0 s",
        "42.1 ms",
        "2.5 s",
        "1m30s",
    ]
    assert [change(0.0, 4.0), change(None, 1.0), change(2.0, 1.0), change(1.0, 30.0)] == [
        "from 0 to 4",
        "–",
        "-50.0 %",
        "30 × the",
    ]
    assert plain("<b>&") == "&lt;b&gt;&amp;"
    assert len(short("x" * 99)) <= 28
    assert digits([0.0, 123456.0, -0.00123456]) == [0, 123500, -0.001235]


def test_the_unit_of_time_suits_the_run() -> None:
    """Minutes, hours and days are used from three of them on."""
    assert [Clock(seconds_).unit for seconds_ in (100.0, 600.0, 20_000.0, 500_000.0)] == [
        "seconds",
        "minutes",
        "hours",
        "days",
    ]
