"""`autoscaler replay`: a decision log once more, or a span of a Prometheus, under the rules of then or other ones."""

from collections.abc import Sequence
from pathlib import Path

import click

from autoscaler.cli.output import output_option, print_json
from autoscaler.cli.policy_files import texts_of
from autoscaler.cli.prometheus_options import access_options, base_url, source_fields
from autoscaler.cli.replay_documents import OtherPolicies
from autoscaler.cli.replay_log import RecordedLog, controller_of
from autoscaler.cli.replay_span import Wanted, replay_span
from autoscaler.cli.replay_words import again_document, otherwise_document, print_again, print_otherwise
from autoscaler.cli.times import duration_s, moment_s
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
  autoscaler replay --prometheus http://127.0.0.1:9090 --start 2026-03-29T08:00:00Z --end 2026-03-29T20:00:00Z --policy policies/
      what these documents would have made of that day; its gateway and its functions are found by their series
\b
What --policy takes as recorded, and what not: requests, requests in flight, wakes, alerts and boosts are those of the
recording, whatever the replay decides. The replicas that a function has are what the replay decided last, written at
once; they are ready --start-up later. Requests held for a start are held only while the replay has no ready replica.
\b
Exit codes: 0 identical, or the other policies were tried; 1 something came out otherwise, or nothing could be
compared; 2 the log or the documents cannot be read.
"""


@click.command(name="replay", epilog=_EPILOG)
@click.argument("log", metavar="[LOG]", required=False, type=click.Path(path_type=Path))
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
@click.option("--prometheus", metavar="URL", help="A Prometheus instead of a log. Needs --start, --end and --policy.")
@click.option("--start", metavar="TIME", help="Beginning of the span, such as 2026-03-29T08:00:00Z.")
@click.option("--end", metavar="TIME", help="Its end.")
@click.option("--tick", metavar="DURATION", help="Interval of decisions on a span. Default: 2s, the daemon's.")
@click.option("--timeout", metavar="DURATION", help="Longest that reading the span may take. Default: 10m.")
@access_options
@output_option
def command(
    *,
    log: Path | None,
    policy: Path | None,
    start_up: str | None,
    prometheus: str | None,
    start: str | None,
    end: str | None,
    tick: str | None,
    timeout: str | None,
    prometheus_token_file: str | None,
    prometheus_ca_file: str | None,
    prometheus_header: Sequence[str],
    output: str,
) -> None:
    """Decide a decision log again, or what a Prometheus saw.

    LOG is the folder of a log, or one file of it. Without --policy the rules are those of the recording, and every
    decision must come out as it was, to the bit. With --policy it says, for each function, what would have been.
    """
    if log is not None and prometheus is not None:
        raise click.UsageError("a LOG or --prometheus URL, not both")
    if prometheus is not None:
        if start is None or end is None or policy is None:
            raise click.UsageError("--start, --end and --policy are needed with --prometheus")
        fields = source_fields(prometheus_token_file, prometheus_ca_file, prometheus_header)
        wanted = Wanted(
            url=base_url("--prometheus", prometheus),
            fields=fields,
            start_s=moment_s("--start", start),
            end_s=moment_s("--end", end),
            tick_s=duration_s("--tick", tick or "2s"),
            timeout_s=duration_s("--timeout", timeout or "10m"),
            start_up_s=duration_s("--start-up", start_up or "0s"),
        )
        return replay_span(wanted, texts_of("--policy", policy), output)
    if given := [name for name, one in (("start", start), ("end", end), ("tick", tick)) if one is not None]:
        raise click.UsageError(f"--{given[0]} is for --prometheus")
    if log is None:
        raise click.UsageError("a LOG, or --prometheus URL, is needed")
    recorded = RecordedLog(log)
    if policy is None:
        if start_up is not None:
            raise click.UsageError("--start-up is for other policies: --policy is needed with it")
        _again(recorded, output)
    else:
        _otherwise(recorded, policy, start_up, output)
    return None


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
    others = OtherPolicies(texts_of("--policy", policy), is_all=policy.is_dir())
    lag_s = duration_s("--start-up", start_up) if start_up is not None else start_up_lag(recorded.entries())
    otherwise = Otherwise(controller_of, others.plan, lag_s or 0.0)
    otherwise.take(recorded.entries())
    is_measured = start_up is None and lag_s is not None
    if output == "json":
        print_json(otherwise_document(otherwise, lag_s or 0.0, is_measured))
    else:
        print_otherwise(otherwise, lag_s or 0.0, is_measured)
    raise click.exceptions.Exit(0 if otherwise.ticks else 1)
