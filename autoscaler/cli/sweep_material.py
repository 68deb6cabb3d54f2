"""What a sweep is made of, read: the study, its scenario, the policies' documents, and what names each by content."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from itertools import chain
from pathlib import Path

from autoscaler.cli.minutes import is_minutes
from autoscaler.cli.policy_files import PolicyFilesError, policy_texts
from autoscaler.cli.scenario_files import own_texts, read_text
from autoscaler.policy.parsing import read_documents
from autoscaler.policy.problems import Problem, line_of, path_text
from autoscaler.simulator.minutes.document import parse as parse_minutes
from autoscaler.simulator.planning import plan_of
from autoscaler.simulator.scenario import Scenario, ScenarioError, parse
from autoscaler.simulator.sweeps.grid import OWN_TRACE, Configuration, Grid
from autoscaler.simulator.sweeps.paths import PathError
from autoscaler.simulator.sweeps.study import PolicyVariant, Study, StudyError, TraceVariant, as_text, parse_study
from autoscaler.simulator.sweeps.variants import PolicyFile, Variants

MOST_PLANS = 200
"""Configurations whose documents are compiled before a sweep starts; what is wrong in others is found when they run."""

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Material:
    """Everything of a sweep that is read before it starts, and goes to its workers.

    Attributes:
        folder: of the scenario, which its traces are relative to.
        variants: what configurations are made of.
    """

    folder: str
    variants: Variants


@dataclass(frozen=True, slots=True)
class Opened:
    """A study that was read.

    Attributes:
        file: its name.
        study: what it says.
        lines: line of each of its fields.
        material: what it names.
        contents: hash of each policy and trace variant, as `grid.cell_key` wants them.
        rest: hash of the scenario and of the program's version.
    """

    file: str
    study: Study
    lines: Mapping[str, int]
    material: Material
    contents: Mapping[str, str]
    rest: str


def open_study(path: Path) -> Opened:
    """Read a study and what it names.

    Raises:
        StudyError: it cannot be run; it has every problem that shows before a run.
        ScenarioError: the scenario by itself, or a file, cannot be used.
    """
    study, lines = parse_study(read_text(path), str(path))
    scenario_file = path.parent / study.scenario
    text = read_text(scenario_file)
    own: tuple[PolicyFile, ...] = ()
    if is_minutes(text):
        parse_minutes(text, str(scenario_file))
        study = _on_counts(path, study)
    else:
        own = _own_files(scenario_file, *parse(text, str(scenario_file)))
    document = read_documents(str(scenario_file), text)[0]
    value = document.value if isinstance(document.value, dict) else {}
    files = _all_policy_files(path.parent, study.policies, own)
    traces = {one.name: _opened(path.parent, one) for one in study.traces}
    variants = Variants(
        file=str(scenario_file),
        scenario=value,
        lines=document.lines,
        policies={one.name: one for one in study.policies},
        files=files,
        traces=traces,
    )
    contents = {f"policy/{name}": _hash(_policy_parts(variants, name)) for name in files}
    contents |= {f"trace/{one.name}": _hash(_trace_parts(path.parent, one)) for one in study.traces}
    contents[f"trace/{OWN_TRACE}"] = ""
    rest = _hash(
        [as_text(value).encode(), version("faas-autoscaler").encode(), *_files_in(value, scenario_file.parent)]
    )
    return Opened(str(path), study, lines, Material(str(scenario_file.parent.resolve()), variants), contents, rest)


def deciders_of(opened: Opened) -> frozenset[object]:
    """Give the `type` of every decider that a study's policies have, their own or the scenario's."""
    scenario = opened.material.variants.scenario
    listed = scenario.get("deciders")
    own = listed[0] if isinstance(listed, list) and listed else scenario.get("decider")
    chosen = [own if policy.decider is None else policy.decider for policy in opened.study.policies]
    return frozenset(one.get("type") for one in chosen if isinstance(one, dict))


def problems_before(opened: Opened, grid: Grid) -> tuple[Problem, ...]:
    """Try every value of every parameter once, the others at their first: what is wrong then is said before the start."""
    found: list[Problem] = []
    seen: set[tuple[str, str, Problem | str]] = set()
    for number, (configuration, path, place) in enumerate(chain(grid.singles(), _searched(opened, grid))):
        try:
            _try(opened.material.variants, configuration, is_compiled=number < MOST_PLANS)
            continue
        except PathError as error:
            inner = [Problem(opened.file, None, "", error.wrong, error.allowed)]
        except ScenarioError as error:
            inner = [_under(problem) for problem in error.problems]
        for problem in inner:
            mark = (configuration.policy, configuration.trace, problem)
            if mark not in seen:  # what is wrong with the first values is wrong with them beside any other value too
                seen.add(mark)
                parts = _place(opened.study, configuration, path, place, problem)
                line, at = line_of(opened.lines, parts), path_text(parts)
                found.append(Problem(opened.file, line, at, problem.wrong, problem.allowed))
    return tuple(dict.fromkeys(found))


def _searched(opened: Opened, grid: Grid) -> Iterator[tuple[Configuration, str, int]]:
    """Give configurations with the first and the last value of the parameter that a search sets itself."""
    search = opened.study.search
    if search is None or search.over is None or search.range is None:
        return
    for configuration, path, _ in grid.singles():
        if path is None:
            for place in dict.fromkeys((0, len(search.range) - 1)):
                yield configuration.setting(search.over, search.range[place]), search.over, place


def _try(variants: Variants, configuration: Configuration, is_compiled: bool) -> None:
    """Make a configuration, as a worker would, without running it."""
    if variants.is_on_counts:
        variants.made_on_counts(configuration)
        return
    scenario, files = variants.made(configuration)
    if is_compiled:
        plan_of(scenario, files, scenario.utc)


def _on_counts(path: Path, study: Study) -> Study:
    """Take a study of a scenario on counts: there is nothing random in it, so one seed is all; and no document decides.

    Raises:
        StudyError: a policy or a trace says what has no meaning there.
    """
    problems = [
        Problem(str(path), None, f"policies[{place}].documents", "decide nothing on counts", "a `decider`")
        for place, policy in enumerate(study.policies)
        if policy.documents is not None
    ]
    problems += [
        Problem(str(path), None, f"traces[{place}]", "is no trace of counts", "`traces: [{file: …}]`, one entry")
        for place, trace in enumerate(study.traces)
        if trace.workload is not None or len(trace.traces or ()) != 1
    ]
    if problems:
        raise StudyError(problems)
    return study.model_copy(update={"seeds": 1})


def _place(
    study: Study, configuration: Configuration, path: str | None, place: int, problem: Problem
) -> tuple[str | int, ...]:
    """Say where in the study it is said what is wrong: at the value that was tried, or at the one a problem is about."""
    policy = ("policies", [one.name for one in study.policies].index(configuration.policy))
    named = [path] if path is not None else [one for one, _ in configuration.settings if _is_about(one, problem)]
    for name in named:
        if (
            study.search is not None
            and name == study.search.over
            and name not in study.parameters_of(_of(study, configuration))
        ):
            return ("search", "over")
        return (*(() if name in study.parameters else policy), "parameters", name, place)
    return policy


def _of(study: Study, configuration: Configuration) -> PolicyVariant:
    return next(one for one in study.policies if one.name == configuration.policy)


def _is_about(path: str, problem: Problem) -> bool:
    """Tell whether a problem of a configuration in which all values are the first is about this one."""
    field = path.partition(".spec.")[2] or path
    return field in problem.wrong or path in problem.wrong


def _under(problem: Problem) -> Problem:
    """Say of a problem of what was made that the study made it so."""
    at = f"{problem.path}: " if problem.path else ""
    return Problem(problem.file, None, "", f"so {problem.file}: {at}{problem.wrong}", problem.allowed)


def _own_files(file: Path, scenario: Scenario, others: str) -> tuple[PolicyFile, ...]:
    """Read the documents that a scenario names, and those in its own file."""
    texts = own_texts(file, scenario, others)
    return tuple(PolicyFile.read(name, text) for name, text in texts.items())


def _all_policy_files(
    folder: Path, policies: Sequence[PolicyVariant], own: tuple[PolicyFile, ...]
) -> dict[str, tuple[PolicyFile, ...]]:
    found, problems = dict[str, tuple[PolicyFile, ...]](), list[Problem]()
    for policy in policies:
        try:
            found[policy.name] = _policy_files(folder, policy, own)
        except StudyError as error:
            problems += error.problems
    if problems:
        raise StudyError(problems)
    return found


def _policy_files(folder: Path, policy: PolicyVariant, own: tuple[PolicyFile, ...]) -> tuple[PolicyFile, ...]:
    if policy.documents is None:
        return own
    texts: dict[str, str] = {}
    for place, name in enumerate(policy.documents):
        try:
            texts |= policy_texts(folder / name)
        except PolicyFilesError as error:
            at = f"policy {policy.name}, documents[{place}]"
            raise StudyError([replace(error.problem, path=at)]) from error
    return tuple(PolicyFile.read(name, text) for name, text in texts.items())


def _opened(folder: Path, trace: TraceVariant) -> TraceVariant:
    """Give a trace variant whose files are named so that they can be opened from anywhere."""
    changed = {
        name: _absolute(folder, value) for name, value in trace.model_dump(include={"traces", "workload"}).items()
    }
    return trace.model_copy(update=changed)


def _absolute(folder: Path, value: object) -> object:
    if isinstance(value, list):
        return [_absolute(folder, entry) for entry in value]
    if isinstance(value, dict):
        return {
            key: str((folder / entry).resolve())
            if key == "file" and isinstance(entry, str)
            else _absolute(folder, entry)
            for key, entry in value.items()
        }
    return value


def _policy_parts(variants: Variants, name: str) -> Iterator[bytes]:
    yield as_text(variants.policies[name].decider).encode()
    for file in variants.files[name]:
        yield file.text.encode()


def _trace_parts(folder: Path, trace: TraceVariant) -> Iterator[bytes]:
    said = [trace.traces, trace.workload]
    yield as_text(said).encode()
    yield from _files_in(said, folder)


def _files_in(value: object, folder: Path) -> Iterator[bytes]:
    """Give the content of every file or folder that a value names in a field `file`; one that is not there has none."""
    if isinstance(value, list):
        for entry in value:
            yield from _files_in(entry, folder)
    if isinstance(value, dict):
        for key, entry in value.items():
            if key == "file" and isinstance(entry, str):
                for path in _whole(folder / entry):
                    yield from _bytes_of(path)
            else:
                yield from _files_in(entry, folder)


def _whole(path: Path) -> list[Path]:
    """Give a file, or the files of a folder."""
    if path.is_dir():
        return sorted(entry for entry in path.iterdir() if entry.is_file())
    return [path] if path.is_file() else []


def _bytes_of(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while piece := stream.read(_PIECE):
            yield piece


def _hash(parts: Iterator[bytes] | list[bytes]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()
