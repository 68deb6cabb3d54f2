"""YAML text → plain values that remember their lines, and every problem that reading them meets."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from ruamel.yaml import YAML
from ruamel.yaml.composer import MaxDepthExceededError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from autoscaler.policy.plain_yaml import compose
from autoscaler.policy.problems import Problem, path_text, shown

MAX_CHARACTERS = 4 << 20
"""Of a file."""
MAX_DOCUMENT = 256 << 10
"""Of one document, in characters: reading so many takes two seconds, and a document of ours has a thousand."""
MAX_NODES = 100_000
MAX_DEPTH = 40

_SEPARATOR = re.compile(r"^(?:---|\.\.\.)(?=\s|$)", re.MULTILINE)
_TAG = "tag:yaml.org,2002:"
_NO_VALUE = object()


@dataclass(frozen=True, slots=True)
class YamlDocument:
    """One document of a text.

    Attributes:
        value: plain mappings, lists, texts, numbers, booleans and None; None where it could not be read.
        lines: line of each field path, from 1; `""` is the document itself.
        problems: what is wrong with its writing; none where it could be read whole.
    """

    value: object
    lines: Mapping[str, int]
    problems: tuple[Problem, ...]


def read_documents(
    file: str, text: str, most_characters: int = MAX_DOCUMENT, most_values: int = MAX_NODES
) -> tuple[YamlDocument, ...]:
    """Read every document of a text, each for itself: one that is broken spoils no other.

    Empty documents are left out. Any text is accepted; what cannot be read is a problem.

    Args:
        most_characters: of one document; the default is that of a document of ours.
        most_values: of one document, aliases unfolded.
    """
    if len(text) > MAX_CHARACTERS:
        problem = Problem(file, 1, "", f"has {len(text)} characters", f"at most {MAX_CHARACTERS} characters")
        return (YamlDocument(None, {"": 1}, (problem,)),)
    found = (read_piece(file, *piece, most_characters, most_values) for piece in pieces(text))
    return tuple(document for document in found if document is not None)


def pieces(text: str) -> Iterator[tuple[str, int]]:
    """Cut a text where a document ends, each piece with the lines before it.

    A separator in column 0 is one wherever it stands.
    """
    starts = [0, *(match.start() for match in _SEPARATOR.finditer(text) if match.start() > 0)]
    ends = [*starts[1:], len(text)]
    for start, end in zip(starts, ends, strict=True):
        piece = text[start:end]
        # Of `...` only the separator goes: what follows it on later lines is a document of its own.
        yield (" " * 3 + piece[3:] if piece.startswith("...") else piece), text.count("\n", 0, start)


def read_piece(
    file: str, piece: str, lines_before: int, most_characters: int = MAX_DOCUMENT, most_values: int = MAX_NODES
) -> YamlDocument | None:
    """Read what `pieces` gave; None: there is nothing in it."""
    if not piece.removeprefix("---").strip():
        return None  # tens of thousands of separators would else keep everybody's documents waiting
    if len(piece) > most_characters:
        problem = Problem(
            file, lines_before + 1, "", f"has {len(piece)} characters", f"a document of {most_characters} at most"
        )
        return YamlDocument(None, {"": lines_before + 1}, (problem,))
    try:
        plain = compose(piece)
        nodes = [node for node in ([plain] if plain is not None else _yaml().compose_all(piece)) if not _is_empty(node)]
    except (MaxDepthExceededError, RecursionError, AssertionError, NotImplementedError):
        return _unreadable(file, lines_before + 1, lines_before, "is no YAML that can be read, or nested too deeply")
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = lines_before + (mark.line + 1 if mark is not None else 1)
        words = " ".join(part for part in (error.context, error.problem) if part)
        return _unreadable(file, line, lines_before, f"is no YAML: {words}")
    except (YAMLError, ValueError, OverflowError, ArithmeticError, LookupError, AttributeError, TypeError) as error:
        return _unreadable(file, lines_before + 1, lines_before, _in_words(error))
    if not nodes:
        return None
    if len(nodes) > 1:
        line = lines_before + nodes[1].start_mark.line + 1
        return _unreadable(file, line, lines_before, "a second document begins without ---")
    return _Builder(file, lines_before, most_values).document(nodes[0])


def _in_words(error: Exception) -> str:
    if isinstance(error, ReaderError):
        return "is no UTF-8 text, or has control characters"
    return f"is no YAML: {shown(str(error))}"


def _yaml() -> YAML:
    yaml = YAML(typ="safe", pure=True)
    yaml.max_depth = MAX_DEPTH
    yaml.composer.warn_double_anchors = False  # YAML allows it: an alias means the anchor last seen
    return yaml


def _is_empty(node: Node | None) -> bool:
    return node is None or (isinstance(node, ScalarNode) and node.value == "" and str(node.tag) == f"{_TAG}null")


def _unreadable(file: str, line: int, lines_before: int, wrong: str) -> YamlDocument:
    problem = Problem(file, line, "", wrong, "one mapping with apiVersion, kind, metadata and spec")
    return YamlDocument(None, {"": lines_before + 1}, (problem,))


@dataclass(slots=True)
class _Builder:
    """Turns one document's nodes into plain values."""

    file: str
    lines_before: int
    most: int = MAX_NODES
    lines: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    nodes: int = 0

    def document(self, node: Node) -> YamlDocument:
        value = self._value(node, ())
        return YamlDocument(None if value is _NO_VALUE else value, self.lines, tuple(self.problems))

    def _value(self, node: Node, parts: tuple[str | int, ...]) -> object:
        self.nodes += 1
        self.lines.setdefault(path_text(parts), self._line(node))
        # Aliases may name the same node many times: counting what they unfold to stops a small text from becoming huge.
        if self.nodes > self.most or len(parts) > MAX_DEPTH:
            if self.nodes <= self.most + 1:
                self.nodes = self.most + 1
                self._add(node, parts, "is too large", f"at most {self.most} values, nested {MAX_DEPTH} deep")
            return None
        if isinstance(node, MappingNode):
            return self._mapping(node, parts)
        if isinstance(node, SequenceNode):
            return [self._value(item, (*parts, position)) for position, item in enumerate(node.value)]
        return self._scalar(node, parts)

    def _mapping(self, node: MappingNode, parts: tuple[str | int, ...]) -> dict[str, object]:
        result: dict[str, object] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                self._add(key_node, parts, "has a key that is no text", "texts as keys")
                continue
            key = str(key_node.value)
            path = (*parts, key)
            if key in result:
                self._add(
                    key_node, path, f"is there twice, first in line {self.lines[path_text(path)]}", "each key once"
                )
                continue
            self.lines[path_text(path)] = self._line(key_node)
            result[key] = self._value(value_node, path)
        return result

    def _scalar(self, node: Node, parts: tuple[str | int, ...]) -> object:
        text, tag = str(node.value), str(node.tag)
        try:
            return _SCALARS[tag](text) if tag in _SCALARS else self._foreign(node, parts, tag)
        except ValueError:
            self._add(node, parts, f"is no {tag.removeprefix(_TAG)}: {shown(text)}", "a text in quotes, or a number")
            return None

    def _foreign(self, node: Node, parts: tuple[str | int, ...], tag: str) -> object:
        self._add(node, parts, f"has the tag {shown(tag)}", "texts, numbers, booleans, null, lists and mappings")
        return None

    def _line(self, node: Node) -> int:
        return self.lines_before + int(node.start_mark.line) + 1

    def _add(self, node: Node, parts: tuple[str | int, ...], wrong: str, allowed: str) -> None:
        self.problems.append(Problem(self.file, self._line(node), path_text(parts), wrong, allowed))


def _integer(text: str) -> int:
    digits = text.replace("_", "").lstrip("+")
    if len(digits) > 100:
        raise ValueError("too many digits")
    return int(digits, 0) if digits.lstrip("-").startswith(("0x", "0o", "0b")) else int(digits)


def _float(text: str) -> float:
    return float(text.lower().replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError("neither true nor false")
    return text.lower() == "true"


_SCALARS: dict[str, Callable[[str], object]] = {
    f"{_TAG}str": str,
    f"{_TAG}timestamp": str,
    f"{_TAG}int": _integer,
    f"{_TAG}float": _float,
    f"{_TAG}bool": _boolean,
    f"{_TAG}null": lambda _text: None,
}
