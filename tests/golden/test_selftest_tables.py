"""The simulator against what is known: the short form of `autoscaler selftest`."""

import pytest

from autoscaler.cli.selftest_tables import reference_lines
from autoscaler.simulator.validation.check import Check
from autoscaler.simulator.validation.reference import GOLDEN
from autoscaler.simulator.validation.setting import Setting
from autoscaler.simulator.validation.tables import TABLES


def checks(name: str, share: float = 1.0) -> list[Check]:
    return list(TABLES[name].checks(Setting(reference_lines, 1, share)))


def failures(found: list[Check]) -> list[Check]:
    return [check for check in found if check.verdict == "fail"]


@pytest.mark.parametrize(("name", "judged"), [("opendc", 4), ("azure", 50), ("lambda", 8)])
def test_published_cases_come_out(name: str, judged: int) -> None:
    """Every row with a verdict passes: counts and GB-seconds exactly, the slow streams of AWS within 30 %."""
    found = checks(name)
    assert not failures(found)
    assert sum(check.verdict == "pass" for check in found) == judged


@pytest.mark.parametrize("name", ["caps", "closed", "setup", "queues", "conserved"])
def test_closed_forms_hold(name: str) -> None:
    """With a fiftieth of the requests every closed form is within three standard errors, every sum exact."""
    found = checks(name, 0.02)
    assert found
    assert not failures(found)


def test_fixed_replicas_queue_as_erlang_says() -> None:
    """The windowed mode's waits are those of M/M/c: mean, p95 and p99, at ten loads."""
    found = checks("replicas", 0.05)
    assert len(found) == 40
    assert not failures(found)


def test_ready_pods_are_those_of_a_real_knative() -> None:
    """The controller under Knative's rule keeps within 10 % of what 16 hours of Knative had."""
    found = checks("knative", 0.05)
    assert len(found) == 16
    assert not failures(found)


def test_a_keep_alive_that_is_a_tenth_too_long_is_told() -> None:
    """A simulator that kept instances for 660 s where the golden run kept them for 600 s would fail, at the second run too."""
    head, *points = reference_lines(GOLDEN)
    one = next(point for point in points if point.startswith("0.9,1.991,2.244,600,40000000,1000,exp"))
    wrong = one.replace(",600,", ",660,", 1)
    found = list(TABLES["golden"].checks(Setting(lambda _name: [head, wrong], 1, 0.25)))
    assert [(check.verdict, check.basis) for check in found][:2] == [
        ("fail", "3 SE, second run"),
        ("fail", "3 SE + resolution, second run"),
    ]
