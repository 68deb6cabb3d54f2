"""`autoscaler explain`: why a function has the replicas it has."""

import asyncio
from urllib.parse import quote

import click
import orjson

from autoscaler.cli.client import Client, Json, client, server_options, until_interrupted
from autoscaler.cli.output import output_option, print_json, source_line

_EPILOG = """\b
Examples:
  autoscaler explain shop/thumbnail
  autoscaler explain shop/thumbnail --watch
      again whenever the decision changes, until Ctrl-C
  autoscaler explain shop/thumbnail --output json
      every stage in numbers
"""


@click.command(name="explain", epilog=_EPILOG)
@click.argument("function", metavar="NAMESPACE/FUNCTION")
@server_options
@click.option("--watch", is_flag=True, help="Say it again whenever the decision changes, until Ctrl-C.")
@click.option(
    "--interval",
    type=click.FloatRange(min=0.1),
    default=1.0,
    show_default=True,
    help="Seconds between looks of --watch.",
)
@output_option
def command(
    *, function: str, server: str, token: str | None, token_file: str | None, watch: bool, interval: float, output: str
) -> None:
    """Say in words how the last decision on a function came about, and what changed before it.

    The words are the daemon's own, made from the decision's record; there is no second account. A line about the
    source of its loads stands below where that does not answer now.
    """
    namespace, slash, name = function.partition("/")
    if not slash or not namespace or not name or "/" in name:
        raise click.BadParameter(
            f"{function!r} is no function; NAMESPACE/FUNCTION is allowed", param_hint="NAMESPACE/FUNCTION"
        )
    path = f"/v1/functions/{quote(namespace, safe='')}/{quote(name, safe='')}"

    async def show() -> None:
        async with client(server, token, token_file) as daemon:
            found = await daemon.get(path)
            if not watch:
                print_json(found) if output == "json" else click.echo("\n".join(_lines(found)))
            else:
                await _watch(daemon, path, found, interval, output)

    until_interrupted(show())


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
    return lines


def _said_now(found: Json) -> list[str]:
    decision = found["decision"]
    replicas = "1 replica" if decision["desired"] == 1 else f"{decision['desired']} replicas"
    title = (
        f"{decision['namespace']}/{decision['function']} (tenant {decision['tenant']}, "
        f"policy {found['policy'] or 'none, defaults'}): {replicas}, {decision['reason']}"
    )
    dry = ["  Dry run: this is decided and recorded, nothing is written."] if found["dry_run"] else []
    source = found["source"]
    sick = [f"  {source_line(source)}"] if source is not None and not source["is_ok"] else []
    return [title, *(f"  {sentence}" for sentence in decision["sentences"]), *sick, *dry]


def _change(past: Json) -> str:
    return (
        f"{past['decided_ago_s']:.0f} s ago: {past['requested']} → {past['desired']}, "
        f"{past['reason']}: {past['reason_sentence']}"
    )
