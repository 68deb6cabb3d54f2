"""`autoscaler explain`: why a function has, or had, the replicas it has."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import click
import orjson

from autoscaler.cli.client import Client, Json, client, until_interrupted
from autoscaler.cli.output import held_words, output_option, print_json, source_line
from autoscaler.cli.reaching import Reach, daemon_options
from autoscaler.cli.schedule_words import schedule_words
from autoscaler.core.fleet import FunctionKey

_EPILOG = """\b
Examples:
  autoscaler explain shop/thumbnail
  autoscaler explain shop/thumbnail --watch
      again whenever the decision changes, until Ctrl-C
  autoscaler explain shop/thumbnail --at 2026-03-29T02:31:00+01:00
  autoscaler explain shop/thumbnail --at '10m ago'
      the decision that held then, from the decision log
  autoscaler explain shop/thumbnail --last 24h
      every change of a day, oldest first
  autoscaler explain shop/thumbnail --last 24h --log /var/lib/autoscaler/decisions
      from the files themselves, without a daemon
  autoscaler explain shop/thumbnail --policy
      which document and line, or label, set each field, and what a bound of the tenant took away
  autoscaler explain shop/thumbnail --output json
      every stage in numbers
\b
Exit codes: 0 here it is, 1 nothing is known of it, 2 wrong usage.
"""


@click.command(name="explain", epilog=_EPILOG)
@click.argument("function", metavar="[NAMESPACE/]FUNCTION")
@daemon_options
@click.option("-n", "--namespace", metavar="NAME", help="Its namespace; as kubectl plugin that of the context.")
@click.option("--watch", is_flag=True, help="Say it again whenever the decision changes, until Ctrl-C.")
@click.option(
    "--interval",
    type=click.FloatRange(min=0.1),
    default=1.0,
    show_default=True,
    help="Seconds between looks of --watch.",
)
@click.option("--policy", is_flag=True, help="What holds for every field, and which document, line or label set it.")
@click.option("--at", metavar="TIME", help="The decision that held at a time: 2026-03-29T14:05:00Z, or '10m ago'.")
@click.option("--last", metavar="DURATION", help="What changed within a stretch up to now, such as 24h.")
@click.option(
    "--log",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder of a decision log to read instead of asking a daemon.",
)
@output_option
def command(
    *,
    function: str,
    reach: Reach,
    namespace: str | None,
    watch: bool,
    interval: float,
    policy: bool,
    at: str | None,
    last: str | None,
    log: Path | None,
    output: str,
) -> None:
    """Say in words how a decision on a function came about, and what changed before it.

    The words are the daemon's own, made from the decision's record; there is no second account. A line about the
    source of its loads stands below where that does not answer now. --at and --last read the decision log.
    """
    key = function_key(function, namespace, reach)
    _refuse_contradictions(at, last, log, watch=watch, policy=policy)
    if log is not None:
        from autoscaler.cli.recollection import from_files

        _print_past(from_files(log, key, at, last), output)
        return
    path = f"/v1/functions/{quote(key.namespace, safe='')}/{quote(key.name, safe='')}"
    question = {"at": at} if at is not None else {"last": last} if last is not None else None

    target = reach.target

    async def show() -> None:
        async with client(target) as daemon:
            if policy:
                _print_holding(await daemon.get(f"{path}/policy"), output)
                return
            found = await daemon.get(path, question)
            if question is not None:
                _print_past(found, output)
            elif not watch:
                print_json(found) if output == "json" else click.echo("\n".join(_lines(found)))
            else:
                await _watch(daemon, path, found, interval, output)

    until_interrupted(show())


def function_key(function: str, namespace: str | None, reach: Reach) -> FunctionKey:
    """Read NAMESPACE/FUNCTION, or FUNCTION alone where an option or kubectl's context says the namespace."""
    given, slash, name = function.rpartition("/")
    if not name or "/" in given or (slash and (not given or namespace not in (None, given))):
        raise click.BadParameter(
            f"{function!r} is no function{f' of {namespace}' if namespace else ''}; NAMESPACE/FUNCTION is allowed, or "
            "FUNCTION with --namespace",
            param_hint="[NAMESPACE/]FUNCTION",
        )
    found = given or namespace or reach.target.namespace
    if found is None:
        raise click.BadParameter(
            f"{function!r} names no namespace; NAMESPACE/FUNCTION is allowed, or FUNCTION with --namespace",
            param_hint="[NAMESPACE/]FUNCTION",
        )
    return FunctionKey(found, name)


def _refuse_contradictions(at: str | None, last: str | None, log: Path | None, *, watch: bool, policy: bool) -> None:
    if sum((watch, policy, at is not None, last is not None)) > 1:
        raise click.UsageError("--watch, --policy, --at and --last are different questions: one of them is allowed")
    if log is not None and at is None and last is None:
        raise click.UsageError("--log answers for the past: --at or --last is needed with it")


async def _watch(daemon: Client, path: str, found: Json, interval_s: float, output: str) -> None:
    """Print a decision whenever it differs in what it says, the first one at once; JSON one object a line."""
    said: object = None
    while True:
        outline = _outline(found)
        if outline != said:
            said = outline
            line = orjson.dumps(found).decode() if output == "json" else "\n".join([*_said_now(found), ""])
            click.echo(line)
        await asyncio.sleep(interval_s)
        found = await daemon.get(path)


def _outline(found: Json) -> object:
    decision = found["decision"]
    return [decision[name] for name in ("requested", "ready", "desired", "reason", "seen")]


def _lines(found: Json) -> list[str]:
    lines = _said_now(found)
    if found["history"]:
        lines += ["", "What changed before, newest first:"]
        lines += [f"  {_change(past)}" for past in reversed(found["history"])]
    if found.get("wakes"):
        lines += ["", "Its last wakes, newest first:"]
        lines += [f"  {wake['asked_ago_s']:.0f} s ago: {wake['sentence']}" for wake in reversed(found["wakes"])]
    return lines


def _said_now(found: Json) -> list[str]:
    decision = found["decision"]
    title = _title(decision, f", policy {found['policy'] or 'none, defaults'}")
    dry = ["  Dry run: this is decided and recorded, nothing is written."] if found["dry_run"] else []
    source = found["source"]
    sick = [f"  {source_line(source)}"] if source is not None and not source["is_ok"] else []
    sick += [f"  {words}" for words in source.get("query_problems", ())] if source is not None else []
    schedule = [f"  {words}" for words in schedule_words(found.get("schedule"))]
    beside = [*schedule, *_cap_lines(found.get("cap")), *_held_lines(found.get("held"))]
    return [title, *_sentences(decision), *beside, *sick, *dry]


def _cap_lines(cap: Json | None) -> list[str]:
    """Say whether replicas take what their policy's limit says; nothing where there is no limit."""
    if cap is None:
        return []
    problem = f"{cap['problem']}: " if cap["problem"] is not None else ""
    return [f"  {problem}{cap['words']}"]


def _held_lines(held: Json | None) -> list[str]:
    """Say to whom a function is left, until when, and what to do; nothing where it is left to nobody."""
    return [] if held is None else [f"  {held_words(held)}", f"  To end it: {held['advice']}."]


def _title(decision: Json, more: str = "") -> str:
    replicas = "1 replica" if decision["desired"] == 1 else f"{decision['desired']} replicas"
    return (
        f"{decision['namespace']}/{decision['function']} (tenant {decision['tenant']}{more}): "
        f"{replicas}, {decision['reason']}"
    )


def _sentences(decision: Json) -> Sequence[str]:
    return [f"  {sentence}" for sentence in decision["sentences"]]


def _change(past: Json) -> str:
    return (
        f"{past['decided_ago_s']:.0f} s ago: {past['requested']} → {past['desired']}, "
        f"{past['reason']}: {past['reason_sentence']}"
    )


def _print_holding(found: Json, output: str) -> None:
    if output == "json":
        print_json(found)
    else:
        from autoscaler.cli.policy_words import print_policy

        print_policy(found)


def _print_past(found: Json, output: str) -> None:
    if output == "json":
        print_json(found)
    else:
        from autoscaler.cli.recollection import past_lines

        click.echo("\n".join(past_lines(found, _title, _sentences)))
