"""A patch of the scale subresource, answered as kube-apiserver 1.36 answers it."""

from dataclasses import dataclass
from typing import Any

_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Refusal:
    """A patch that the API server refuses.

    Attributes:
        code: HTTP status.
        reason: of the Status object.
        message: of the Status object.
        causes: of its details; empty where a `test` failed, which is how a lost compare-and-set is told.
    """

    code: int
    reason: str
    message: str
    causes: tuple[dict[str, str], ...] = ()


TEST_FAILED = Refusal(422, "Invalid", "the server rejected our request due to an error in our request")


def apply_json_patch(document: dict[str, Any], patch: object) -> dict[str, Any] | Refusal:
    """Apply JSON Patch operations (`test`, `add`, `replace`, `remove`) to a copy of the scale object.

    A key that is absent equals null in a test, and cannot be replaced; both are what the library
    behind the API server does, and why a write from 0 must be `test null` and `add`.
    """
    if not isinstance(patch, list) or not all(isinstance(operation, dict) for operation in patch):
        return Refusal(400, "BadRequest", "the body of a JSON Patch must be a list of operations")
    result = _copy(document)
    for operation in patch:
        refusal = _apply(result, operation)
        if refusal is not None:
            return refusal
    return result


def apply_merge_patch(document: dict[str, Any], patch: object) -> dict[str, Any] | Refusal:
    """Apply a merge patch to a copy of the scale object, preconditions on uid and resourceVersion included."""
    if not isinstance(patch, dict):
        return Refusal(400, "BadRequest", "the body of a merge patch must be an object")
    asked, found = patch.get("metadata") or {}, document["metadata"]
    for name, words in (("uid", "UID"), ("resourceVersion", "resourceVersion")):
        if name in asked and asked[name] != found[name]:
            return Refusal(409, "Conflict", f"Precondition failed: {words} in precondition: {asked[name]}")
    result = _copy(document)
    for name, value in (patch.get("spec") or {}).items():
        if value is None:
            result["spec"].pop(name, None)
        else:
            result["spec"][name] = value
    return result


def replicas_of(document: dict[str, Any]) -> int | Refusal:
    """Give the replicas that a patched scale object asks for, or why they cannot be."""
    value = document["spec"].get("replicas")
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int):
        words = f'Invalid value: "{value}": json: cannot unmarshal into Go struct field ScaleSpec.spec.replicas of type int32'
        cause = {"reason": "FieldValueInvalid", "message": words, "field": "patch"}
        return Refusal(422, "Invalid", f' "" is invalid: patch: {words}', (cause,))
    if not 0 <= value < 2**31:
        words = f"Invalid value: {value}: must be greater than or equal to 0"
        cause = {"reason": "FieldValueInvalid", "message": words, "field": "spec.replicas"}
        return Refusal(422, "Invalid", f"Scale is invalid: spec.replicas: {words}", (cause,))
    return value


def _apply(document: dict[str, Any], operation: dict[str, Any]) -> Refusal | None:
    path = operation.get("path")
    steps = path.split("/")[1:] if isinstance(path, str) and path.startswith("/") else []
    parent = _parent(document, steps)
    if not steps or parent is None:
        return TEST_FAILED
    kind, name = operation.get("op"), steps[-1]
    if kind == "test":
        return None if parent.get(name) == operation.get("value") else TEST_FAILED
    if kind == "add" or (kind == "replace" and name in parent):
        parent[name] = operation.get("value")
        return None
    if kind == "remove" and parent.pop(name, _ABSENT) is not _ABSENT:
        return None
    return TEST_FAILED


def _parent(document: dict[str, Any], steps: list[str]) -> dict[str, Any] | None:
    here: Any = document
    for step in steps[:-1]:
        here = here.get(step) if isinstance(here, dict) else None
    return here if isinstance(here, dict) else None


def _copy(document: dict[str, Any]) -> dict[str, Any]:
    return {name: dict(value) if isinstance(value, dict) else value for name, value in document.items()}
