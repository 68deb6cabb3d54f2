"""What is wrong with a text: where, what, and what is allowed. All of it at once."""

import difflib
import re
import typing
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from types import UnionType

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from autoscaler.policy.quantities import format_duration
from autoscaler.policy.strict import FUNCTION_NAME, HEX_64, HTTP_URL, NAMED_LOCATION

_SHOWN = 60
_PLAIN = re.compile(r"[-A-Za-z0-9_/.*]{1,120}")
_SECRETS = ("token", "password", "header", "param")
_IN_WORDS = {
    "bool_type": "true or false",
    "string_type": "a text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping of fields",
    "model_attributes_type": "a mapping of fields",
}
_BOUNDS = {"le": "{} at most", "lt": "less than {}", "ge": "{} at least", "gt": "more than {}"}
_LENGTHS = {"too_short": ("min_length", "at least"), "too_long": ("max_length", "at most")}
_PATTERNS = {
    HTTP_URL: ("is no http or https URL", "http://HOST:PORT/PREFIX"),
    HEX_64: ("has a wrong value (not shown)", "64 hex digits, lower case"),
}
"""What is wrong and what is allowed where a pattern does not match; the value may hold a secret and is not shown."""


_NAME = "a Kubernetes name: a-z, 0-9 and - (and where several may be meant, *), beginning and ending with a-z or 0-9"

_NAMES = {
    FUNCTION_NAME: "NAME or NAMESPACE/NAME of a function: a-z, 0-9, - and . each, as Kubernetes names are",
    NAMED_LOCATION: "@NAME, as nginx's configuration calls the location: letters, digits, _, . and -",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        file: name of the text it is in; for a function's labels `namespace/name`.
        line: line, from 1; None where a text has no lines (labels, environment, flags).
        path: field, such as `spec.metrics[0].target`; empty for the whole text.
        wrong: what is wrong, without secrets.
        allowed: what is allowed instead.
        code: why in one word, as the conditions of a custom resource have it.
    """

    file: str
    line: int | None
    path: str
    wrong: str
    allowed: str
    code: str = "Invalid"

    @property
    def is_warning(self) -> bool:
        """Whether it refuses nothing: guarantees above their pool are scaled, and the documents hold."""
        return self.code == "EmergencyMode"

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.path + ': ' if self.path else ''}{self.wrong}; allowed: {self.allowed}"


def path_text(parts: Sequence[str | int]) -> str:
    """Write a path of keys and positions as `spec.metrics[0].target`; odd keys are escaped and cut."""
    text = ""
    for part in parts:
        key = part if isinstance(part, int) or _PLAIN.fullmatch(part) else shown(part)
        text += f"[{part}]" if isinstance(part, int) else f".{key}" if text else str(key)
    return text


def line_of(lines: Mapping[str, int], parts: Sequence[str | int]) -> int | None:
    """Give the line of a field, or of the nearest field around it that the text has."""
    for length in range(len(parts), -1, -1):
        line = lines.get(path_text(parts[:length]))
        if line is not None:
            return line
    return None


def shown(value: object) -> str:
    """Write a value for a message: short, in one line, control characters escaped."""
    text = ascii(value) if isinstance(value, str | int | float | bool | None) else _kind_of(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _kind_of(value: object) -> str:
    """Name what is no plain value as YAML does, not as Python."""
    kind = (
        "mapping" if isinstance(value, Mapping) else "list" if isinstance(value, list | tuple) else type(value).__name__
    )
    return f"a {kind}" if value else f"an empty {kind}"


def suggestion(word: str, allowed: Collection[str]) -> str:
    """Say which words are allowed, the nearest one first."""
    near = difflib.get_close_matches(word, allowed, n=1, cutoff=0.6)
    listed = ", ".join(sorted(allowed))
    return f"did you mean {near[0]}? Allowed are {listed}" if near else listed


def problems_of(
    error: ValidationError, model: type[BaseModel], file: str, lines: Mapping[str, int]
) -> tuple[Problem, ...]:
    """Translate everything that a model found wrong with a text.

    Args:
        lines: line of each field path; a field that is missing gets the line of what it belongs to.
    """
    found: dict[tuple[str, str], Problem] = {}
    for detail in error.errors(include_url=False):
        problem = _problem(detail, model, file, lines)
        before = found.get((problem.path, problem.wrong))
        if before is not None and before.allowed != problem.allowed:
            problem = replace(problem, allowed=f"{before.allowed}, or {problem.allowed}")
        found[problem.path, problem.wrong] = problem
    return tuple(found.values())


def _is_branch(part: str | int) -> bool:
    """Tell whether a part of a place is no field but one of the kinds that a field may be of."""
    return isinstance(part, str) and part.startswith(("literal[", "constrained-"))


def _problem(detail: ErrorDetails, model: type[BaseModel], file: str, lines: Mapping[str, int]) -> Problem:
    parts = tuple(part for part in detail["loc"] if part != "[key]" and not _is_branch(part))
    context = detail.get("ctx", {})
    if detail["type"] == "union_tag_invalid":
        wrong, allowed = f"has {context['discriminator']} {shown(context['tag'])}", context["expected_tags"]
    elif detail["type"] == "union_tag_not_found":
        wrong, allowed = (
            f"has no {context['discriminator']}",
            f"a mapping with {context['discriminator']}, which tells which it is",
        )
    else:
        wrong, allowed = _PATTERNS.get(context.get("pattern", "")) or _words(detail, model, parts)
    return Problem(file, line_of(lines, parts), path_text(parts), wrong, allowed)


def _words(detail: ErrorDetails, model: type[BaseModel], parts: tuple[str | int, ...]) -> tuple[str, str]:
    """Give what is wrong and what is allowed."""
    match detail["type"]:
        case "missing":
            return "is missing", "this field is needed"
        case "extra_forbidden":
            return _unknown_field(model, parts)
        case "value_error":
            allowed = str(detail["ctx"]["error"])
        case "literal_error":
            allowed = detail["ctx"]["expected"]
        case "string_pattern_mismatch":
            allowed = _NAMES.get(detail["ctx"]["pattern"], _NAME)
        case kind if kind in _IN_WORDS:
            allowed = _IN_WORDS[kind]
        case kind if kind in _LENGTHS:
            name, side = _LENGTHS[kind]
            length = detail["ctx"][name]
            allowed = f"{side} {length} {'entry' if length == 1 else 'entries'}"
        case _ if (bound := _bound_of_duration(detail)) is not None:
            allowed = bound
        case _:
            allowed = detail["msg"].removeprefix("Input should be ").removeprefix("Input should have ")
    if isinstance(detail["input"], Mapping) and detail["type"] == "value_error":
        return "its fields contradict each other", allowed
    if any(secret in str(part).lower() for part in parts for secret in _SECRETS):
        return "has a wrong value (not shown)", allowed
    return f"is {shown(detail['input'])}", allowed


def _bound_of_duration(detail: ErrorDetails) -> str | None:
    """Say the bound of a duration as a duration; None: this is about none. Numbers are not written as texts."""
    bounds = ((name, detail.get("ctx", {}).get(name)) for name in _BOUNDS)
    name, value = next((one for one in bounds if one[1] is not None), ("", None))
    if value is None or not isinstance(detail["input"], str):
        return None
    return _BOUNDS[name].format(format_duration(float(value)))


def _unknown_field(model: type[BaseModel], parts: tuple[str | int, ...]) -> tuple[str, str]:
    allowed = field_names(model, parts[:-1])
    return "is no field", suggestion(str(parts[-1]), allowed)


def field_names(model: type[BaseModel], parts: Sequence[str | int]) -> list[str]:
    """Give the names of the fields of the model at a path within a model; none where there is no model."""
    found: object = model
    for part in parts:
        found = _below(_plain(found), part)
    found = _plain(found)
    if not _is_model(found):
        return []
    names = typing.cast(type[BaseModel], found).model_fields.items()
    return [field.alias or name for name, field in names]


def _below(annotation: object, part: str | int) -> object:
    """Give the annotation of a model's field, or of the items of a list or the values of a mapping."""
    if _is_model(annotation):
        fields = typing.cast(type[BaseModel], annotation).model_fields.values()
        return next((field.annotation for field in fields if field.alias == part), None)
    arguments = typing.get_args(annotation)
    return arguments[-1] if typing.get_origin(annotation) in (list, dict) and arguments else None


def _plain(annotation: object) -> object:
    """Take what is around an annotation off: of an optional and of `Annotated`, what it is about."""
    if typing.get_origin(annotation) in (typing.Union, UnionType, typing.Annotated):
        inner = [_plain(one) for one in typing.get_args(annotation)]
        kinds = (list, dict)
        return next((one for one in inner if _is_model(one) or typing.get_origin(one) in kinds), None)
    return annotation


def _is_model(candidate: object) -> bool:
    return isinstance(candidate, type) and issubclass(candidate, BaseModel)
