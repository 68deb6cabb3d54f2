"""What commands are told of a Prometheus that they ask themselves: where it is, and how it knows who asks."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import click

from autoscaler.cli.errors import WrongConfiguration
from autoscaler.policy.strict import HTTP_URL

HERE = "http://127.0.0.1:9090"

Command = TypeVar("Command", bound=Callable[..., object])


def access_options(command: Command) -> Command:
    """Add `--prometheus-token-file`, `--prometheus-ca-file` and `--prometheus-header`."""
    for option in (
        click.option(
            "--prometheus-header",
            multiple=True,
            metavar="NAME=VALUE",
            help="A header that it needs, such as X-Scope-OrgID=main.",
        ),
        click.option(
            "--prometheus-ca-file", metavar="FILE", help="Authorities of its certificate. Default: the system's."
        ),
        click.option("--prometheus-token-file", metavar="FILE", help="File with a bearer token for it."),
    ):
        command = option(command)
    return command


def base_url(option: str, text: str) -> str:
    """Give a base URL without a slash at its end.

    Raises:
        WrongConfiguration: it is none, or holds a password.
    """
    parts = urlsplit(text)
    if not re.fullmatch(HTTP_URL, text) or not parts.hostname or parts.query or parts.fragment:
        raise WrongConfiguration(f"{option} {text} is no base URL; allowed: http or https, such as {HERE}")
    if parts.username is not None or parts.password is not None:
        raise WrongConfiguration(f"{option} has a password in it; allowed: a URL without, and --prometheus-header")
    return text.rstrip("/")


def source_fields(token_file: str | None, ca_file: str | None, headers: Sequence[str]) -> dict[str, object]:
    """Give the options as fields of a source's settings.

    Raises:
        WrongConfiguration: a file is not there, or a header is none.
    """
    fields: dict[str, object] = {}
    for option, file in (("--prometheus-token-file", token_file), ("--prometheus-ca-file", ca_file)):
        if file is not None and not Path(file).is_file():
            raise WrongConfiguration(f"{option} {file}: there is no such file; a file is allowed")
    if headers:
        wrong = [one for one in headers if not re.fullmatch(r"[A-Za-z0-9-]+=[ -~]*", one)]
        if wrong:
            raise WrongConfiguration("--prometheus-header is not understood; NAME=VALUE is allowed")
        fields["headers"] = dict(one.split("=", 1) for one in headers)
    if token_file is not None:
        fields["bearerTokenFile"] = token_file
    if ca_file is not None:
        fields["tls"] = {"caFile": ca_file}
    return fields
