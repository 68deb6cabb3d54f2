"""Settings from a file, the environment and flags; later wins, and every problem is named at once."""

import contextlib
import difflib
import os
import re
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import UnionType
from typing import Any, NamedTuple

import orjson
from pydantic import BaseModel, ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict, SettingsError

from autoscaler.cli.errors import WrongConfiguration
from autoscaler.policy.check import settings_problems
from autoscaler.policy.parsing import read_documents
from autoscaler.policy.problems import Problem, problems_of
from autoscaler.policy.settings import Settings

PREFIX = "AUTOSCALER_"
CONFIG_VARIABLE = f"{PREFIX}CONFIG"
MOST_BYTES = 4 << 20
ENVIRONMENT = "environment"
FLAGS = "flags"
DEFAULTS = "settings"

_OF_COMMANDS = frozenset(
    {"CONFIG", "SERVER", "TOKEN", "TOKEN_FILE", "CA_FILE", "TLS_SERVER_NAME", "CLIENT_CERT", "CLIENT_KEY"}
)
"""Variables that are no settings of the daemon but options of commands."""
_SETTING_IN_ERROR = re.compile(r'field "(\w+)"')


class _Environment(BaseSettings, Settings):
    """The settings as `AUTOSCALER_…` variables name them: fields in capitals, nested ones after `__`."""

    # Not strict, so that texts stay texts here: `_validated` gives each the type that its field has.
    model_config = SettingsConfigDict(
        strict=False, env_prefix=PREFIX, env_nested_delimiter="__", env_parse_none_str="null", extra="ignore"
    )


class Places(NamedTuple):
    """Where each value came from: only a file has lines."""

    file: str
    lines: Mapping[str, int]
    environment: Mapping[str, Any]
    flags: Mapping[str, Any]

    def put(self, problem: Problem) -> Problem:
        """Say where the value came from that a problem is about."""
        parts = problem.path.split("[")[0].split(".")
        for origin, tree in ((FLAGS, self.flags), (ENVIRONMENT, self.environment)):
            if _holds(tree, parts):
                return replace(problem, file=origin, line=None)
        return replace(problem, file=self.file, line=problem.line or self._line(problem.path))

    def put_all(self, problems: Iterable[Problem]) -> list[Problem]:
        """Say it of several, in the order in which they are met."""
        placed = [self.put(problem) for problem in problems]
        return sorted(placed, key=lambda problem: (problem.file, problem.line or 0, problem.path))

    def _line(self, path: str) -> int | None:
        while path and path not in self.lines:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.lines.get(path)


class LoadedSettings(NamedTuple):
    """What reading settings gave.

    Attributes:
        settings: None where they cannot be read; with problems beside them they are not to be run.
        problems: everything that is wrong, in the order in which it is met.
        places: where each value came from.
    """

    settings: Settings | None
    problems: Sequence[Problem]
    places: Places


def load_settings(config: str | None, flags: Mapping[str, object]) -> LoadedSettings:
    """Read settings.

    Args:
        config: path of a YAML file; None: none.
        flags: what flags say, by the settings' own names (`dryRun`), nested as the settings are.
    """
    document, lines, problems = _from_file(config) if config is not None else ({}, {}, ())
    try:
        environment = _from_environment()
    except SettingsError as error:
        named = _SETTING_IN_ERROR.search(str(error))
        place = _alias(named.group(1)) if named is not None else ""
        wrong = Problem(ENVIRONMENT, None, place, "is no JSON", "JSON where a list or a mapping is meant")
        environment, problems = {}, [*problems, wrong]
    problems = [*problems, *_slips(os.environ)]
    places = Places(config or DEFAULTS, lines, environment, flags)
    if problems:
        return LoadedSettings(None, problems, places)
    try:
        settings = _validated(document, environment, flags)
    except ValidationError as error:
        return LoadedSettings(None, places.put_all(problems_of(error, Settings, "", lines)), places)
    return LoadedSettings(settings, places.put_all(settings_problems(settings)), places)


def _validated(document: Mapping[str, Any], environment: Mapping[str, Any], flags: Mapping[str, Any]) -> Settings:
    """Make settings of the layers; a variable's text that its field refuses is tried as JSON (`true`, `20`, `null`).

    Raises:
        ValidationError: something is wrong with them.
    """
    merged = _merged(_merged(document, environment), flags)
    try:
        return Settings.model_validate(merged)
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_context=False):
            environment = _with_json(environment, detail["loc"])
        return Settings.model_validate(_merged(_merged(document, environment), flags))


def _with_json(tree: Mapping[str, Any], path: Sequence[str | int]) -> Mapping[str, Any]:
    """Give a tree in which the text at a path is what it says as JSON, where it is JSON."""
    name, rest = path[0], path[1:]
    if not isinstance(name, str) or name not in tree:
        return tree
    value = tree[name]
    if isinstance(value, Mapping) and rest:
        return {**tree, name: _with_json(value, rest)}
    if isinstance(value, str) and not rest:
        with contextlib.suppress(orjson.JSONDecodeError):
            return {**tree, name: orjson.loads(value)}
    return tree


def need_settings(config: str | None, flags: Mapping[str, object]) -> Settings:
    """Read settings.

    Raises:
        WrongConfiguration: something is wrong with them; all of it is named.
    """
    loaded = load_settings(config, flags)
    if loaded.settings is None or loaded.problems:
        raise WrongConfiguration("The settings cannot be used:", loaded.problems)
    return loaded.settings


def _from_file(config: str) -> tuple[dict[str, Any], Mapping[str, int], Sequence[Problem]]:
    """Read a file's one document, with the line of each field."""
    try:
        raw = Path(config).read_bytes()[: MOST_BYTES + 1]
        text = raw.decode()
    except OSError as error:
        wrong, allowed = f"cannot be read: {error.strerror}", "a file that this user may read"
        return {}, {}, [Problem(config, None, "", wrong, allowed)]
    except UnicodeDecodeError:
        return {}, {}, [Problem(config, None, "", "is no UTF-8 text", "YAML in UTF-8")]
    documents = read_documents(config, text)
    problems = [_of_text(problem) for document in documents for problem in document.problems]
    if not documents or problems:
        return {}, {}, problems
    first = documents[0]
    if len(documents) > 1:
        problems = [
            Problem(config, documents[1].lines.get("", 1), "", "is a second document", "one document of settings")
        ]
    elif not isinstance(first.value, dict):
        problems = [Problem(config, 1, "", "is no mapping", "fields such as sources, policies, listen")]
    return (first.value if isinstance(first.value, dict) else {}), first.lines, problems


def _of_text(problem: Problem) -> Problem:
    """Say of a text that is no YAML what is allowed here; the parser speaks of policy documents."""
    return problem if problem.path else replace(problem, allowed="one YAML mapping of settings")


def _from_environment() -> dict[str, Any]:
    found = EnvSettingsSource(_Environment, env_parse_none_str="null")()
    return typing.cast(dict[str, Any], _outside_names(Settings, found))


def _slips(variables: Iterable[str]) -> Iterable[Problem]:
    """Name variables that are no setting but look like one: `AUTOSCALER_DRYRUN` must not mean a real run.

    Others are left alone: Kubernetes itself sets `AUTOSCALER_PORT` and the like, for a Service of that name.
    """
    settings = _Environment.model_fields
    meant = {_squashed(name): name.upper() for name in settings}
    for name, field in settings.items():
        for inner in field.annotation.model_fields if _is_model(field.annotation) else ():  # type: ignore[union-attr]
            variable = f"{name}__{inner}".upper()
            meant |= {_squashed(variable): variable}
            meant.setdefault(_squashed(inner), variable)  # a flag's name, such as --kubeconfig
    for variable in sorted(variables):
        name = variable.removeprefix(PREFIX)
        if name == variable or name.partition("__")[0].lower() in settings or name in _OF_COMMANDS:
            continue
        near = difflib.get_close_matches(_squashed(name.partition("__")[0]), meant, n=1, cutoff=0.85)
        near = near or [known for known in (_squashed(name),) if known in meant]
        if near or "__" in name:
            known = PREFIX + meant[near[0]] if near else ", ".join(PREFIX + name.upper() for name in settings)
            yield Problem(ENVIRONMENT, None, variable, "is no setting", f"did you mean {known}?" if near else known)


def _squashed(name: str) -> str:
    return name.replace("_", "").lower()


def _alias(name: str) -> str:
    field = Settings.model_fields.get(name)
    return (field.alias if field is not None else None) or name


def _outside_names(annotation: object, value: object) -> object:
    """Name fields as files do (`dryRun`), so that a variable and a file that mean one field meet."""
    if not isinstance(value, dict):
        return value
    if typing.get_origin(annotation) in (typing.Union, UnionType):
        annotation = next((part for part in typing.get_args(annotation) if part is not type(None)), None)
    if typing.get_origin(annotation) is dict:
        return {name: _outside_names(typing.get_args(annotation)[1], part) for name, part in value.items()}
    if not _is_model(annotation):
        return value
    fields = typing.cast(type[BaseModel], annotation).model_fields
    return {
        (fields[name].alias or name) if name in fields else name: _outside_names(
            fields[name].annotation if name in fields else None, part
        )
        for name, part in value.items()
    }


def _is_model(candidate: object) -> bool:
    return isinstance(candidate, type) and issubclass(candidate, BaseModel)


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(under)
    for name, value in over.items():
        old = result.get(name)
        result[name] = _merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return result


def _holds(tree: object, parts: Sequence[str]) -> bool:
    for part in parts:
        if not isinstance(tree, Mapping):
            return True
        if part not in tree:
            return False
        tree = tree[part]
    return True
