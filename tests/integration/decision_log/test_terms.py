"""A controller that begins within a daemon's life begins a run of its own, which is decided again from its first step."""

from pathlib import Path

import numpy as np

from autoscaler.adapters.decision_log import DecisionLog
from autoscaler.adapters.decision_log.folder import listed
from autoscaler.adapters.decision_log.recall import changes, record_at
from autoscaler.cli.replay_log import RecordedLog, controller_of
from autoscaler.core.controller import Controller
from autoscaler.core.journal.step import Head, Step
from autoscaler.policy.provenance import NOWHERE
from autoscaler.policy.settings import DecisionLogSettings
from autoscaler.simulator.replay.again import Again
from tests.unit.core.fleets import UTC_S, at, key, observe, one

FLEET = one(stabilization_down_s=300.0)


def logged(folder: Path) -> None:
    """Log two terms, 100 s apart: each is told its past, and then ticks over 5 replicas and a load for 3."""
    log = DecisionLog(str(folder), DecisionLogSettings.model_validate({"flush": "0s"}), None, tell=print)
    log.start()
    for begin_s in (0.0, 100.0):
        controller = Controller(None)
        log.begin(at(begin_s))
        for seconds in np.arange(begin_s - 375.0, begin_s, 15.0):
            now, seen = at(float(seconds)), observe(FLEET, 5, rps=25.0)
            log.take_step(Step(now, seen, (), controller.recall(now, seen)), NOWHERE)
        for seconds in (begin_s, begin_s + 2.0):
            now, seen = at(seconds), observe(FLEET, 5, rps=25.0)
            log.take_step(Step(now, seen, (), controller.step(now, seen, ())), NOWHERE)
    log.close(30.0)


def test_each_term_is_a_run(tmp_path: Path) -> None:
    """Two terms are two runs, each with files numbered from 0 and named by when it began, not by the past it was told."""
    logged(tmp_path)
    files = listed(tmp_path)
    assert [(file.begins_utc_s, file.number) for file in files] == [(UTC_S, 0), (UTC_S + 100.0, 0)]
    heads = [entry for entry in RecordedLog(tmp_path).entries() if isinstance(entry, Head)]
    assert len({head.run for head in heads}) == 2


def test_each_term_is_decided_again_to_the_bit(tmp_path: Path) -> None:
    """A replay makes a fresh controller for each term, tells it the past, and compares every step."""
    logged(tmp_path)
    again = Again(controller_of)
    again.take(RecordedLog(tmp_path).entries())
    outcome = again.outcome
    assert outcome.is_identical
    assert (outcome.runs, outcome.steps, outcome.ticks, outcome.compared) == (2, 54, 4, 54)


def test_the_past_that_was_told_explains_nothing(tmp_path: Path) -> None:
    """Before the first tick there is no decision; within a later term's past the earlier term's decision holds."""
    logged(tmp_path)
    function = key("f", "acme")
    assert record_at(tmp_path, function, UTC_S - 10.0) is None
    within = record_at(tmp_path, function, UTC_S + 50.0)
    assert within is not None
    assert within.at.utc_s == UTC_S + 2.0
    found = changes(tmp_path, function, UTC_S - 400.0, UTC_S + 200.0)
    assert [record.at.utc_s for record in found.records] == [UTC_S, UTC_S + 100.0]
    assert {(record.requested, record.desired) for record in found.records} == {(5, 3)}
