"""`autoscaler take-up`: decide again on a function that was left to a foreign writer."""

from urllib.parse import quote

import click

from autoscaler.cli.client import client, until_interrupted
from autoscaler.cli.explain import function_key
from autoscaler.cli.output import output_option, print_json
from autoscaler.cli.reaching import Reach, daemon_options

_EPILOG = """\b
Examples:
  autoscaler take-up shop/thumbnail
\b
Exit codes: 0 it is decided on again, 1 it was left to nobody, an autoscaler still has it, or there is none,
2 wrong usage.
"""


@click.command(name="take-up", epilog=_EPILOG)
@click.argument("function", metavar="[NAMESPACE/]FUNCTION")
@daemon_options
@click.option("-n", "--namespace", metavar="NAME", help="Its namespace; as kubectl plugin that of the context.")
@output_option
def command(*, function: str, reach: Reach, namespace: str | None, output: str) -> None:
    """Decide on a function again that was left alone because somebody else changed its replicas.

    It is taken up by itself after ten minutes without such a change; this does not wait for them. Where the other
    writer is still at work, three more changes leave it alone again.
    """
    key = function_key(function, namespace, reach)
    path = f"/v1/functions/{quote(key.namespace, safe='')}/{quote(key.name, safe='')}/take-up"

    target = reach.target

    async def ask() -> None:
        async with client(target) as daemon:
            answer = await daemon.post(path)
        words = f"{answer['namespace']}/{answer['function']} is decided on again from the next tick on."
        print_json(answer) if output == "json" else click.echo(words)

    until_interrupted(ask())
