"""`autoscaler schema`: JSON Schema of policies and settings."""

import click

from autoscaler.cli.output import print_json

_EPILOG = """\b
Examples:
  autoscaler schema scalingpolicy > scalingpolicy.schema.json
  autoscaler schema settings > settings.schema.json
\b
In an editor with YAML support, at the top of a file:
  # yaml-language-server: $schema=scalingpolicy.schema.json
"""


@click.command(name="schema", epilog=_EPILOG)
@click.argument("name", required=False, type=click.Choice(["tenant", "scalingpolicy", "settings"]))
def command(name: str | None) -> None:
    """Print the JSON Schema (2020-12) of one kind of document or of the settings; without NAME, of all by name."""
    from autoscaler.policy.schema import MODELS, schema

    print_json(schema(name) if name is not None else {each: schema(each) for each in MODELS})
