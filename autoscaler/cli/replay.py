"""`autoscaler replay`: a decision log once more, by the rules in force then or under other policies."""

from pathlib import Path

import click

from autoscaler.adapters import files as folders
from autoscaler.cli.errors import WrongConfiguration
from autoscaler.cli.output import output_option, print_json
from autoscaler.cli.replay_documents import OtherPolicies
from autoscaler.cli.replay_log import RecordedLog, controller_of
from autoscaler.cli.replay_words import again_document, otherwise_document, print_again, print_otherwise
from autoscaler.policy.quantities import parse_duration
from autoscaler.simulator.replay.again import Again
from autoscaler.simulator.replay.otherwise import Otherwise
from autoscaler.simulator.replay.start_up import start_up_lag

_EPILOG = """\b
Examples:
  autoscaler replay /var/lib/autoscaler/decisions
      decides every step again; says "identical", or what differs first
  autoscaler replay decisions/ --policy policies/
      other documents in place of all that were in force
  autoscaler replay decisions/ --policy thumbnail.yaml
      these documents in place of those of the same kind and name; all others as they were
  autoscaler replay decisions/20260329T000000.000Z-000001.decisions --policy policies/ --output json
\b
What --policy takes as recorded, and what not: requests, requests in flight, wakes, alerts and boosts are those of the
recording, whatever the replay decides. The replicas that a function has are what the replay decided last, written at
once; they are ready --start-up later. Requests held for a start are held only while the replay has no ready replica.
\b
Exit codes: 0 identical, or the other policies were tried; 1 something came out otherwise, or nothing could be
compared; 2 the log or the documents cannot be read.
"""


@click.command(name="replay", epilog=_EPILOG)
@click.argument("log", metavar="LOG", type=click.Path(path_type=Path))
@click.option(
    "--policy",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="Other documents: a folder replaces all, a file those of the same name.",
)
@click.option(
    "--start-up",
    metavar="DURATION",
    help="From a raise until its replicas are ready. Default: the median of the recording; at once where it has none.",
)
@output_option
def command(*, log: Path, policy: Path | None, start_up: str | None, output: str) -> None:
    """Decide a decision log again.

    LOG is the folder of a log, or one file of it. Without --policy the rules are those of the recording, and every
    decision must come out as it was, to the bit. With --policy it says, for each function, what would have been.
    """
    recorded = RecordedLog(log)
    if policy is None:
        if start_up is not None:
            raise click.UsageError("--start-up is for other policies: --policy is needed with it")
        _again(recorded, output)
    else:
        _otherwise(recorded, policy, start_up, output)


def _again(recorded: RecordedLog, output: str) -> None:
    again = Again(controller_of)
    again.take(recorded.entries())
    outcome = again.outcome
    if output == "json":
        print_json(again_document(outcome))
    else:
        print_again(outcome)
    raise click.exceptions.Exit(0 if outcome.is_identical else 1)


def _otherwise(recorded: RecordedLog, policy: Path, start_up: str | None, output: str) -> None:
    others = OtherPolicies(_texts(policy), is_all=policy.is_dir())
    lag_s = _duration(start_up) if start_up is not None else start_up_lag(recorded.entries())
    otherwise = Otherwise(controller_of, others.plan, lag_s or 0.0)
    otherwise.take(recorded.entries())
    is_measured = start_up is None and lag_s is not None
    if output == "json":
        print_json(otherwise_document(otherwise, lag_s or 0.0, is_measured))
    else:
        print_otherwise(otherwise, lag_s or 0.0, is_measured)
    raise click.exceptions.Exit(0 if otherwise.ticks else 1)


def _duration(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is none; {error} is allowed", param_hint="--start-up") from None


def _texts(policy: Path) -> dict[str, str]:
    try:
        if policy.is_dir():
            found = {str(policy / name): text for name, text in folders.read(policy).items()}
        else:
            policy.stat()  # says why, where there is nothing
            found = {str(policy): folders.text(policy)}
    except OSError as error:
        raise WrongConfiguration(
            f"--policy {policy} cannot be read: {error.strerror}; a file or folder of policies is allowed"
        ) from None
    if not found:
        raise WrongConfiguration(f"--policy {policy} holds no documents; *.yaml or *.yml directly in it are allowed")
    return found
