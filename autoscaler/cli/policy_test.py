"""`autoscaler test`: policy documents under a load over time, in virtual time, against what is expected of them."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from autoscaler.cli.errors import WrongConfiguration
from autoscaler.cli.output import output_option, print_json
from autoscaler.cli.policy_test_words import as_json, lines_of
from autoscaler.policy.parsing import MAX_CHARACTERS
from autoscaler.policy.problems import Problem
from autoscaler.simulator.policy_tests.documents import KIND
from autoscaler.simulator.policy_tests.outcome import Outcome
from autoscaler.simulator.policy_tests.reading import PolicyTestError, Suite, TextOfTests, read_tests
from autoscaler.simulator.policy_tests.runner import prepare

_ENDINGS = (".yaml", ".yml")

_EPILOG = """\b
Examples:
  autoscaler test policies/tests
  autoscaler test policies/tests/three-tenants.yaml --filter outage
      only tests whose names contain the word
  autoscaler test policies/tests --output json
\b
Time is virtual: nothing waits. How to write a test: docs/policy-tests.md.
Exit codes: 0 every test passed, 1 one failed, 2 a test or a policy document is wrong.
"""


@click.command(name="test", epilog=_EPILOG)
@click.argument("paths", nargs=-1, required=True, metavar="FILE...")
@click.option("--filter", "-k", "wanted", default="", metavar="NAME", help="Only tests whose names contain this.")
@output_option
def command(paths: Sequence[str], wanted: str, output: str) -> None:
    """Test policies: given documents, a load over time and events, expect replicas and reasons at times.

    FILE is a YAML file with documents of kind PolicyTest, or a folder of such files. The decisions are made by the
    very code that the daemon runs.
    """
    texts = _texts(paths)
    by_file = {file: list(outcomes) for file, outcomes in _outcomes(texts, wanted).items()}
    found = [outcome for outcomes in by_file.values() for outcome in outcomes]
    if not found:
        raise WrongConfiguration(_nothing(paths, wanted))
    if output == "json":
        print_json(as_json(by_file))
    else:
        for file, outcomes in by_file.items():
            for line in lines_of(file, outcomes) if outcomes else ():
                click.echo(line)
        click.echo(_sum(found))
    raise click.exceptions.Exit(0 if all(outcome.has_passed for outcome in found) else 1)


def _outcomes(texts: dict[str, str], wanted: str) -> dict[str, Iterator[Outcome]]:
    """Prepare all tests of all files, so that everything that is wrong is told before any of them runs.

    Raises:
        WrongConfiguration: something is wrong.
    """
    prepared: dict[str, Iterator[Outcome]] = {}
    problems: dict[Problem, None] = {}
    for file, text in texts.items():
        try:
            read = read_tests(file, text)
        except PolicyTestError as error:
            problems |= dict.fromkeys(error.problems)
            continue
        runs = []
        for suite in read.suites:
            try:
                runs += prepare(suite, _policies(suite, read), lambda name: wanted.lower() in name.lower())
            except PolicyTestError as error:
                problems |= dict.fromkeys(error.problems)
        prepared[file] = (run.outcome() for run in runs)
    if problems:
        raise WrongConfiguration("The tests cannot be run:", list(problems))
    return prepared


def _policies(suite: Suite, read: TextOfTests) -> dict[str, str]:
    """Give the policy documents that tests name, and those in their own file.

    Raises:
        PolicyTestError: there are none, or a file cannot be read.
    """
    files = {suite.file: read.policies} if read.policies else {}
    problems = []
    for position, name in enumerate(suite.tests.policies):
        place = Path(suite.file).parent / name
        try:
            files |= {str(path): _text(path) for path in _yaml_in(place)}
        except OSError as error:
            wrong = f"{place} cannot be read: {error.strerror}"
            allowed = "files or folders of policy documents, relative to this file"
            problems.append(suite.problem(f"policies[{position}]", wrong, allowed))
    if not files and not problems:
        allowed = "`policies:` with files or folders, or documents beside the test in its own file"
        problems.append(suite.problem("policies", "names no policy documents, and the file holds none", allowed))
    if problems:
        raise PolicyTestError(problems)
    return files


def _texts(paths: Sequence[str]) -> dict[str, str]:
    """Read all files; of a folder those that stand directly in it.

    Raises:
        WrongConfiguration: one cannot be read.
    """
    texts: dict[str, str] = {}
    for path in paths:
        try:
            texts |= {str(file): _text(file) for file in _yaml_in(Path(path))}
        except OSError as error:
            allowed = "a file or folder of policy tests is allowed"
            raise WrongConfiguration(f"{path} cannot be read: {error.strerror}; {allowed}") from None
    return texts


def _yaml_in(path: Path) -> list[Path]:
    """Give a file itself, or what stands in a folder."""
    if not path.is_dir():
        path.stat()
        return [path]
    return sorted(one for one in path.iterdir() if one.suffix in _ENDINGS and one.is_file() and one.name[0] != ".")


def _text(path: Path) -> str:
    """Read a file; one that is no text becomes one that YAML refuses.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return file.read(4 * (MAX_CHARACTERS + 1)).decode("utf-8", errors="surrogateescape")


def _nothing(paths: Sequence[str], wanted: str) -> str:
    if wanted:
        return f"No test in {', '.join(paths)} has {wanted!r} in its name; a part of a name is allowed."
    return f"No tests in {', '.join(paths)}: no *.yaml or *.yml there holds a document of kind {KIND}."


def _sum(outcomes: Sequence[Outcome]) -> str:
    failed = sum(not outcome.has_passed for outcome in outcomes)
    what = "1 test" if len(outcomes) == 1 else f"{len(outcomes)} tests"
    expectations = sum(outcome.expectations for outcome in outcomes)
    verdict = f"FAILED: {failed} of {what}" if failed else f"SUCCESS: {what}, {expectations} expectations"
    return f"\n{verdict}, {sum(outcome.ticks for outcome in outcomes)} ticks"
