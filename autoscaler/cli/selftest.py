"""`autoscaler selftest`: the simulator against closed forms, golden points, published cases and real measurements."""

from pathlib import Path
from typing import cast

import click

from autoscaler.cli.output import output_option
from autoscaler.cli.selftest_recording import decide_again
from autoscaler.cli.selftest_tables import show_tables
from autoscaler.simulator.recordings import Kind
from autoscaler.simulator.validation.tables import TABLES

_EPILOG = """\b
Examples:
  autoscaler selftest
      every table: expected, got, how far apart they may be, pass or fail
  autoscaler selftest --quick
      a twentieth of the requests; tolerances in standard errors widen accordingly
  autoscaler selftest --only golden --only knative --output json
  autoscaler selftest --recording tests/golden/recordings/knative_kpa_decisions.jsonl.gz --kind kpa
      the decision core in Knative's place, step by step
  autoscaler selftest --recording tests/golden/recordings/hpa_decisions.jsonl.gz --kind hpa --output json
      the HPA that planners compare with
\b
"3 SE" is three standard errors of our own run and of the expected value together. By chance alone one row in some 300
exceeds that, so another --seed may show one that fails; a real mistake fails whatever the seed. What was measured on
real systems is shown as "reported": without a verdict, and nothing is tuned to it.
\b
Exit codes: 0 every row with a verdict passes (every sequence is identical), 1 one does not, 2 wrong usage, or the
recording cannot be read.
"""


@click.command(name="selftest", epilog=_EPILOG)
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(list(TABLES)),
    help="This table; may be given several times. Default: all.",
)
@click.option("--quick", is_flag=True, help="A twentieth of the requests: a look, not a proof.")
@click.option("--seed", type=click.IntRange(min=0), help="Seed of all randomness. Default: 1.")
@click.option(
    "--recording",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Instead: JSON lines, one sequence of decisions a line; plain or compressed with gzip. Needs --kind.",
)
@click.option(
    "--kind",
    type=click.Choice(["kpa", "hpa"]),
    help="Whose decisions they are: Knative's autoscaler (our core decides) or Kubernetes' HPA (our baseline decides).",
)
@output_option
def command(
    *, only: tuple[str, ...], quick: bool, seed: int | None, recording: Path | None, kind: str | None, output: str
) -> None:
    """Hold the simulator against what is known, and say where they differ.

    Each row is a quantity: expected, got, tolerance, verdict. With --recording, the decisions of somebody else's
    autoscaler are decided again on what it saw; of a sequence that differs the first difference is told: later ones
    are mostly its consequence.
    """
    if (recording is None) is not (kind is None):
        missing = "--kind" if kind is None else "--recording"
        raise click.UsageError(f"{missing} is missing: --recording and --kind need each other")
    if recording is not None and (only or quick or seed is not None):
        raise click.UsageError("--only, --quick and --seed are for the tables: not with --recording")
    if recording is not None:
        is_right = decide_again(recording, cast(Kind, kind), output)
    else:
        chosen = [TABLES[name] for name in TABLES if not only or name in only]
        is_right = show_tables(chosen, is_quick=quick, seed=1 if seed is None else seed, output=output)
    if not is_right:
        click.get_current_context().exit(1)
