"""`autoscaler check`: every problem of settings and policies at once."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click
from rich.table import Table
from rich.text import Text

from autoscaler.adapters import files
from autoscaler.cli.errors import WrongConfiguration
from autoscaler.cli.output import console, output_option, print_json
from autoscaler.cli.settings import CONFIG_VARIABLE, LoadedSettings, load_settings
from autoscaler.policy.check import SETTINGS, check
from autoscaler.policy.live_checks import Finding
from autoscaler.policy.problems import Problem

_EPILOG = """\b
Examples:
  autoscaler check policies/
  autoscaler check --config settings.yaml
      the settings, and the folder that they name
  autoscaler check --config settings.yaml acme.yaml --output json
  autoscaler check --config settings.yaml --live
      asks the Prometheus servers and the cluster too: do the profile's series exist, are they scraped as the settings
      say, is every function seen, are its requests cut off, does it take what its concurrencyLimit says
\b
Exit codes: 0 nothing is wrong (warnings aside), 1 something is, 2 there is nothing to check.
"""


@click.command(name="check", epilog=_EPILOG)
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option(
    "--config", envvar=CONFIG_VARIABLE, metavar="FILE", help="Settings, YAML; tenants' sources are checked too."
)
@click.option("--live", is_flag=True, help="Ask the settings' Prometheus servers and cluster too; needs --config.")
@output_option
def command(paths: Sequence[str], config: str | None, live: bool, output: str) -> None:
    """Name every problem: file, line, path of the field, what is wrong, what is allowed.

    PATH is a file or a folder of policy documents; without one, the folder that the settings name.
    """
    loaded = load_settings(config, {}) if config is not None else None
    if not paths and loaded is None:
        raise WrongConfiguration("Nothing to check: name a folder of policy documents, or settings with --config.")
    if live and loaded is None:
        raise WrongConfiguration("--live asks what the settings name: --config FILE is needed with it.")
    texts: dict[str, str] = {}
    for path in paths:
        texts.update(_read(path))
    if not texts and loaded is None:
        raise WrongConfiguration(
            f"Nothing to check: no *.yaml or *.yml stands directly in {', '.join(paths)}; folders inside are not read."
        )
    problems = _problems(loaded, texts) if paths or loaded is None else _problems_of_settings(loaded, texts)
    findings = _findings(loaded, texts) if live and loaded is not None else None
    if output == "json":
        found = {"files": sorted(texts), "problems": [_as_json(problem) for problem in problems]}
        print_json(found if findings is None else found | {"live": [_finding_as_json(one) for one in findings]})
    else:
        _print(problems, len(texts), has_settings=loaded is not None)
        _print_findings(findings)
    is_wrong = bool(problems) or any(not one.is_warning for one in findings or ())
    raise click.exceptions.Exit(1 if is_wrong else 0)


def _findings(loaded: LoadedSettings, texts: dict[str, str]) -> list[Finding] | None:
    """Ask everything; None: settings that cannot be read name nobody to ask."""
    if loaded.settings is None:
        return None
    from autoscaler.cli.live import look

    return [
        replace(one, problem=loaded.places.put(one.problem)) if one.problem.file == SETTINGS else one
        for one in asyncio.run(look(loaded.settings, texts))
    ]


def _problems_of_settings(loaded: LoadedSettings, texts: dict[str, str]) -> list[Problem]:
    """Give what is wrong with settings and, into `texts`, the folder they name; one that cannot be read is a problem."""
    if loaded.settings is None:
        return _problems(loaded, texts)
    try:
        texts.update(_read(loaded.settings.policies))
    except WrongConfiguration as error:
        allowed = "a folder of policy documents; `autoscaler check --config FILE DIR` checks another"
        missing = Problem(SETTINGS, None, "policies", error.message.partition(";")[0], allowed)
        return [*loaded.problems, loaded.places.put(missing)]
    return _problems(loaded, texts)


def _problems(loaded: LoadedSettings | None, texts: dict[str, str]) -> list[Problem]:
    """Give everything that is wrong; settings that cannot be read at all leave the documents' own problems."""
    if loaded is None:
        return check(None, texts)
    if loaded.settings is None:
        return [*loaded.problems, *check(None, texts)]
    found = check(loaded.settings, texts)
    return [loaded.places.put(problem) if problem.file == SETTINGS else problem for problem in found]


def _read(path: str) -> dict[str, str]:
    """Read a file, or a folder as the daemon reads it; names are those a person can open.

    Raises:
        WrongConfiguration: it cannot be read.
    """
    place = Path(path)
    try:
        if place.is_dir():
            return {str(place / name): text for name, text in files.read(place).items()}
        if not files.has_text(place):
            place.stat()  # says why, where there is nothing
            raise WrongConfiguration(f"{path} is neither file nor folder; a file or folder of policies is allowed")
        return {str(place): files.text(place)}
    except OSError as error:
        raise WrongConfiguration(
            f"{path} cannot be read: {error.strerror}; a file or folder of policies is allowed"
        ) from None


def _print(problems: Sequence[Problem], documents: int, has_settings: bool) -> None:
    if not problems:
        settings = "the settings and " if has_settings else ""
        click.echo(f"No problems in {settings}{documents} {'file' if documents == 1 else 'files'} of policies.")
        return
    table = Table(title=f"{len(problems)} problems" if len(problems) > 1 else "1 problem", title_justify="left")
    table.add_column("where", overflow="fold")
    table.add_column("path", overflow="fold")
    table.add_column("wrong", overflow="fold")
    table.add_column("allowed", overflow="fold")
    for problem in problems:
        place = problem.file if problem.line is None else f"{problem.file}:{problem.line}"
        table.add_row(*map(Text, (place, problem.path, problem.wrong, problem.allowed)))
    console().print(table)


def _print_findings(findings: Sequence[Finding] | None) -> None:
    if findings is None:
        return
    if not findings:
        click.echo("Everything that was asked answers as it should.")
        return
    warnings = sum(one.is_warning for one in findings)
    others = len(findings) - warnings
    count = f"{others} {'thing is' if others == 1 else 'things are'} not so now, "
    count += f"{warnings} {'warning' if warnings == 1 else 'warnings'}"
    table = Table(title=count, title_justify="left")
    for column in ("where", "path", "wrong", "what is lost", "allowed"):
        table.add_column(column, overflow="fold")
    for one in sorted(findings, key=lambda one: one.is_warning):
        problem = one.problem
        place = problem.file if problem.line is None else f"{problem.file}:{problem.line}"
        wrong = f"warning: {problem.wrong}" if one.is_warning else problem.wrong
        table.add_row(*map(Text, (place, problem.path, wrong, one.lost, problem.allowed)))
    console().print(table)


def _finding_as_json(found: Finding) -> dict[str, object]:
    return _as_json(found.problem) | {
        "code": found.problem.code,
        "lost": found.lost,
        "is_warning": found.is_warning,
        "functions": [str(key) for key in found.functions],
    }


def _as_json(problem: Problem) -> dict[str, object]:
    return {
        "file": problem.file,
        "line": problem.line,
        "path": problem.path,
        "wrong": problem.wrong,
        "allowed": problem.allowed,
    }
