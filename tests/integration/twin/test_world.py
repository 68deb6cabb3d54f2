"""The twin moves with its clock, and says so when it cannot."""

import numpy as np
import pytest

from autoscaler.core.columns import Floats
from autoscaler.simulator.platform import FunctionSpec
from autoscaler.simulator.workload import Constant
from autoscaler.twin.world import Scenario, Twin, served
from tests.integration.twin.scene import DATABASE, RESIZE, SLEEPY, TOKENS, HandClock


class Broken(Constant):
    """A workload that fails as soon as it is asked."""

    def between(self, start_s: float, end_s: float, generator: np.random.Generator) -> Floats:
        raise ArithmeticError("broken on purpose")


async def test_time_is_the_clocks(twin: Twin, clock: HandClock) -> None:
    """The platform stands still with its clock, and follows it however large the step."""
    before = twin.platform.started(RESIZE)
    await clock.move(0.0)
    assert twin.platform.started(RESIZE) == before
    await clock.move(60.0)
    assert twin.platform.started(RESIZE) - before == pytest.approx(600, abs=1)


async def test_a_large_step_keeps_every_scrape(twin: Twin, clock: HandClock) -> None:
    """Scrapes that fell due within one step of the clock were each taken at their own time."""
    await clock.move(60.0)
    answers = twin.measurement.answers(twin.platform.keys, twin.now_s())
    assert (answers.up, answers.scrapes) == (1, 5)


async def test_what_is_no_function_is_reported_whole(twin: Twin, clock: HandClock) -> None:
    """A bystander is no part of the platform, and shows the replicas it was made with, and those it is given."""
    assert DATABASE not in twin.platform.keys
    assert [one.ready for one in twin.deployments if one.key == DATABASE] == [1]
    twin.deployments.set_replicas(DATABASE, 3)
    assert [one.ready for one in twin.deployments if one.key == DATABASE] == [3]


async def until_broken(clock: HandClock) -> None:
    """Serve a twin whose platform fails after a second; the block itself does not look."""
    async with served(Twin(Scenario(), TOKENS, clock, np.random.default_rng(1))) as twin:
        twin.platform.add(FunctionSpec(SLEEPY, 0.1), Broken(type="constant", rate=10))
        await clock.move(1.0)


async def test_a_platform_that_fails_is_not_silent(clock: HandClock) -> None:
    """What stops the platform is raised at the end of the block that was served it."""
    with pytest.raises(ArithmeticError):
        await until_broken(clock)


async def test_two_twins_of_one_seed_do_the_same(clock: HandClock) -> None:
    """Poisson traffic of one seed gives the same counts twice, of another seed others."""
    counts = []
    for seed in (1, 1, 2):
        scenario = Scenario((FunctionSpec(RESIZE, 0.1, replicas=1),), {RESIZE: Constant(type="constant", rate=50)})
        twin = Twin(scenario, TOKENS, clock, np.random.default_rng(seed))
        twin.advance(30.0)
        counts.append(twin.platform.finished(RESIZE))
    assert counts[0] == counts[1] != counts[2]
