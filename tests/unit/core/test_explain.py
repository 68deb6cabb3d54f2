"""A decision in words: every reason is told, with the numbers of the case."""

from dataclasses import replace

import pytest

from autoscaler.core.controller import Controller
from autoscaler.core.decisions import DecisionRecord
from autoscaler.core.events import Wake
from autoscaler.core.explain import sentences
from autoscaler.core.reasons import Reason
from autoscaler.core.seen import Seen
from autoscaler.core.stages import Stage
from tests.unit.core.fleets import NAN, key, observe, one, stepped


def decided(**rules: float) -> DecisionRecord:
    return stepped(Controller(None), 0, observe(one(**rules), 2, rps=45.0, in_flight=7.0)).record(0)


def test_the_numbers_of_the_case_are_there() -> None:
    """Load, target, maximum, what ran and what comes of it are all named."""
    text = " ".join(sentences(decided(max_replicas=4.0)))
    for number in ("45 requests/s", "10 → 4.5 → 5", "maximum of 4", "from 2 to 4", "60 s"):
        assert number in text


@pytest.mark.parametrize(
    ("rps", "words"),
    [
        (80.00000001, "80 requests/s / 10 → a little over 8 → 9"),
        (200_017.0, "200017 requests/s / 10 → 20002;"),
        (123_456.78, "123457 requests/s / 10 → 12346;"),
        (1e308, "→ 2147483647"),
    ],
)
def test_numbers_of_every_size_can_be_read(rps: float, words: str) -> None:
    """A hair above a whole number is said to be one, large numbers have no exponent, and no load is beyond all words."""
    record = stepped(Controller(None), 0, observe(one(), 2, rps=rps, in_flight=7.0)).record(0)
    assert any(words in sentence for sentence in sentences(record)), sentences(record)


def test_one_request_is_one() -> None:
    """One request in flight on average is no plural."""
    record = replace(decided(), concurrency=1.0)
    assert "1 request in flight on average" in sentences(record)[0]


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason is not Reason.PASSED])
@pytest.mark.parametrize("stage", [Stage.DEMAND, Stage.MASK])
def test_every_reason_has_words(reason: Reason, stage: Stage) -> None:
    """Whatever bound, and in whatever stage, there are words for it, with no placeholder left."""
    record = decided()
    told = sentences(replace(record, stage_reasons={**record.stage_reasons, stage: reason}, reason=reason))
    assert len(told) == len({stage, Stage.DEMAND}) + 2
    assert all(line and "{" not in line and "None" not in line for line in told)


@pytest.mark.parametrize("seen", list(Seen))
def test_every_state_of_a_load_has_words(seen: Seen) -> None:
    """The first sentence tells the state of the load, known numbers or not, and differs by state."""
    record = replace(decided(), seen=seen, in_flight=None)
    others = {sentences(replace(record, seen=other))[0] for other in Seen if other is not seen}
    assert sentences(record)[0] not in others
    assert sentences(replace(record, rps=None, concurrency=None))[0]


def test_a_step_between_ticks_is_told_as_one() -> None:
    """A wake's record says that an event named it, not that a load was seen."""
    fleet, controller = one(), Controller(None)
    stepped(controller, 0, observe(fleet, 0, rps=NAN))
    told = sentences(stepped(controller, 1, None, [Wake(key("f", "acme"), 0)]).record(0))
    assert told[0].startswith("Between ticks")
    assert "from 0 to 1 replica" in told[-1]
