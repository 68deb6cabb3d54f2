"""What goes wrong at the command line, as words and an exit code; never a traceback for bad input."""

from collections.abc import Sequence
from typing import IO, Any

import click

from autoscaler.policy.problems import Problem


class WrongConfiguration(click.ClickException):
    """Settings, policies or flags that cannot be used: what, where, and what is allowed; exit code 2."""

    exit_code = 2

    def __init__(self, message: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__("\n".join([message, *(f"  {problem}" for problem in problems)]))
        self.problems = tuple(problems)


class NotSo(click.ClickException):
    """What was asked about is not there, or not so; exit code 1."""

    exit_code = 1

    def show(self, file: IO[Any] | None = None) -> None:
        """Say it without `Error:` before it: the command itself worked."""
        click.echo(self.message, err=True)
