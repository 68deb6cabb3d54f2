"""A process that writes a decision log as fast as it is told to, and says what has reached the system.

python -m tests.integration.decision_log.writing FOLDER SEED
"""

import sys

from autoscaler.adapters.decision_log import DecisionLog
from autoscaler.core.journal.step import Step
from autoscaler.policy.provenance import NOWHERE
from autoscaler.policy.settings import DecisionLogSettings
from tests.servers.process import wait_until
from tests.unit.core.recorded import fleet_of, run

STEPS = 400


def steps_of(seed: int) -> list[Step]:
    """Give the steps that the process writes; the same for the same seed."""
    return run(STEPS, seed=seed, fleets=[fleet_of("abcdefgh"), fleet_of("abcxyz")])


def main() -> None:
    """Write step after step, and tell each number that the system has taken."""
    log = DecisionLog(sys.argv[1], DecisionLogSettings.model_validate({"flush": "0s"}), None, tell=print)
    log.start()
    for number, step in enumerate(steps_of(int(sys.argv[2])), start=1):
        log.take_step(step, NOWHERE)
        wait_until(
            lambda wanted=number: log.state().steps + log.state().lost >= wanted,
            "the step to be written",
            every_s=0.0005,
        )
        print(log.state().steps, log.state().lost, log.state().error, flush=True)
    sys.stdin.read()  # until it is killed


if __name__ == "__main__":
    main()
