"""Texts → the objects that are in them: several documents, Lists, what `kubectl get -o yaml` prints."""

from collections.abc import Iterator, Mapping

from autoscaler.policy.conversion.written import Account, Written
from autoscaler.policy.parsing import YamlDocument, read_documents
from autoscaler.policy.problems import Problem

MOST_CHARACTERS = 4 << 20
"""Of one document: a List of some 500 Deployments."""
MOST_VALUES = 1_000_000

_OBJECTS = "objects with apiVersion and kind, Lists of them, or stack files of OpenFaaS"


def objects(files: Mapping[str, str]) -> Iterator[tuple[Written | None, tuple[Problem, ...]]]:
    """Give every object of texts with what is wrong with its writing; None: only that.

    Args:
        files: texts by name, in the order in which they shall be read.
    """
    for file, text in files.items():
        documents = read_documents(file, text, MOST_CHARACTERS, MOST_VALUES)
        if not documents:
            yield None, (Problem(file, 1, "", "has no document", _OBJECTS),)
        for document in documents:
            yield from _objects(file, document)


def _objects(file: str, document: YamlDocument) -> Iterator[tuple[Written | None, tuple[Problem, ...]]]:
    if not isinstance(document.value, Mapping):
        wrong = Problem(file, document.lines.get(""), "", "is no mapping", _OBJECTS)
        yield None, document.problems or (wrong,)
        return
    if document.problems:
        yield None, document.problems
    whole = Written(file, document.lines, document.value)
    kind = document.value.get("kind")
    if isinstance(kind, str) and kind.endswith("List") and isinstance(document.value.get("items"), list):
        for item in whole.at("items").items():
            yield Written(file, document.lines, item.value, item.parts, Account(), len(item.parts)), ()
    else:
        yield whole, ()
