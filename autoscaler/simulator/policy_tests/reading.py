"""A file's text → its tests and its policy documents, or everything that is wrong with it at once."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import ValidationError

from autoscaler.policy.documents import KINDS
from autoscaler.policy.parsing import YamlDocument, read_documents
from autoscaler.policy.problems import Problem, field_names, problems_of, shown, suggestion
from autoscaler.simulator.policy_tests.checks import case_problems
from autoscaler.simulator.policy_tests.documents import EVENTS, KIND, PolicyTests

_SEPARATOR = re.compile(r"^(?:---|\.\.\.)(?=\s|$)", re.MULTILINE)
_HEXADECIMAL = re.compile(r"[:,\[{-]\s+(0x[0-9a-fA-F]+)\s*(?:[,}\]#]|$)")
_EVENT = re.compile(rf"(\.events\[\d+\])\.({'|'.join(EVENTS)})(?=\.|$)")


class PolicyTestError(Exception):
    """Tests that cannot be run; `problems` has every reason, with where it is and what is allowed."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Suite:
    """Tests of the same documents, and where they stand.

    Attributes:
        tests: what the document says.
        file: name of the text it is in.
        lines: line of each field path, from 1.
    """

    tests: PolicyTests
    file: str
    lines: Mapping[str, int]

    def problem(self, path: str, wrong: str, allowed: str) -> Problem:
        """Make a problem of a field, at its line or at that of the nearest field around it."""
        return Problem(self.file, self.line(path), path, wrong, allowed)

    def line(self, path: str) -> int:
        """Give the line of a field, or of the nearest field around it that the text has."""
        while path and path not in self.lines:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.lines.get(path, 1)


@dataclass(frozen=True, slots=True)
class TextOfTests:
    """What one file holds.

    Attributes:
        suites: its documents of kind PolicyTest.
        policies: the text of its other documents, each at its own lines; empty where there is none.
    """

    suites: tuple[Suite, ...]
    policies: str


def read_tests(file: str, text: str) -> TextOfTests:
    """Read a file.

    Raises:
        PolicyTestError: a test in it cannot be run, or a document is neither test nor policy.
    """
    documents = read_documents(file, text)
    problems: list[Problem] = list(_hexadecimal(file, text))
    suites: list[Suite] = []
    others: list[int] = []
    for document in documents:
        kind = document.value.get("kind") if isinstance(document.value, Mapping) else None
        if kind == KIND:
            suite, wrong = _suite(file, document)
            suites += [suite] if suite is not None else []
            problems += wrong
        elif isinstance(kind, str) and kind in KINDS:
            others.append(document.lines[""])
        else:
            problems += document.problems or [_no_kind(file, document, kind)]
    if problems:
        raise PolicyTestError(problems)
    return TextOfTests(tuple(suites), _only(text, others))


def _hexadecimal(file: str, text: str) -> Iterator[Problem]:
    """Find what YAML reads as a number and a person as a series: 0x20 alone is 32."""
    for number, line in enumerate(text.splitlines(), 1):
        for found in _HEXADECIMAL.finditer(line):
            wrong = f"{found[1]} alone is a hexadecimal number in YAML, not 0 for a while"
            yield Problem(
                file, number, "", wrong, f"{found[1]!r} in quotes, 0+{found[1]}, or 0 where it holds throughout"
            )


def _suite(file: str, document: YamlDocument) -> tuple[Suite | None, Sequence[Problem]]:
    if document.problems:
        return None, document.problems
    try:
        tests = PolicyTests.model_validate(document.value)
    except ValidationError as error:
        problems = problems_of(error, PolicyTests, file, document.lines)
        return None, [_untagged(problem, document.lines) for problem in problems]
    suite = Suite(tests, file, document.lines)
    found = [suite.problem(*told) for told in case_problems(tests)]
    return (None if found else suite), found


def _no_kind(file: str, document: YamlDocument, kind: object) -> Problem:
    wrong = "is missing" if kind is None else f"is {shown(kind)}"
    line = document.lines.get("kind", document.lines.get("", 1))
    return Problem(file, line, "kind", wrong, suggestion(str(kind), [KIND, *KINDS]))


def _untagged(problem: Problem, lines: Mapping[str, int]) -> Problem:
    """Take the `type` of an event out of a path, where the models' union puts it, and name the fields of that type."""
    found = _EVENT.search(problem.path)
    if found is None:
        return problem
    path = _EVENT.sub(r"\1", problem.path)
    after = path[found.end(1) :].removeprefix(".")
    allowed = problem.allowed or suggestion(after, field_names(EVENTS[found[2]], ()))
    return replace(problem, path=path, line=lines.get(path, problem.line), allowed=allowed)


def _only(text: str, first_lines: Sequence[int]) -> str:
    """Keep the documents that begin at these lines; the others become empty lines, so that line numbers stay."""
    lines = text.splitlines(keepends=True)
    kept = [False] * len(lines)
    starts = list(_starts(text))
    for first in first_lines:
        begin = max((start for start in starts if start <= first), default=1)
        end = min((start for start in starts if start > first), default=len(lines) + 1)
        kept[begin - 1 : end - 1] = [True] * (end - begin)
    return "".join(line if keep else "\n" for line, keep in zip(lines, kept, strict=True)) if first_lines else ""


def _starts(text: str) -> Iterator[int]:
    """Give the lines at which documents may begin."""
    yield 1
    line, position = 1, 0
    for found in _SEPARATOR.finditer(text):
        line += text.count("\n", position, found.start())
        position = found.start()
        yield line
