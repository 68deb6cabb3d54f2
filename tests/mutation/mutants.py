"""Mutants of a module: its source with one comparison, minimum, maximum or negation changed."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

_OPPOSITE = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}
_OTHER = {"min": "max", "max": "min", "minimum": "maximum", "maximum": "minimum", "fmin": "fmax", "fmax": "fmin"}
_OPERATOR = re.compile(r"<=|>=|==|!=|<|>")


@dataclass(frozen=True)
class Mutant:
    """One change of a module.

    Attributes:
        line: where, from 1 on.
        before: the expression as it is, on one line.
        after: the expression as it is changed.
        source: the whole module with that change.
    """

    line: int
    before: str
    after: str
    source: str


def mutants_of(source: str) -> Iterator[Mutant]:
    """Give every mutant of a module, from its beginning to its end."""
    offsets = [0]
    for line in source.encode().splitlines(keepends=True):
        offsets.append(offsets[-1] + len(line))
    nodes = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.expr))
    for node in sorted(nodes, key=lambda one: (one.lineno, one.col_offset)):
        change = _change(source.encode(), node, offsets)
        if change is not None:
            start, end, text = change
            yield _mutant(source.encode(), node, offsets, (start, end, text))


def _start(node: ast.expr, offsets: list[int]) -> int:
    return offsets[node.lineno - 1] + node.col_offset


def _end(node: ast.expr, offsets: list[int]) -> int:
    return offsets[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)


def _change(source: bytes, node: ast.expr, offsets: list[int]) -> tuple[int, int, str] | None:
    """Give where a node is changed, from and to which byte, and by what."""
    match node:
        case ast.Compare(left=left, comparators=[first, *_]):
            start, end = _end(left, offsets), _start(first, offsets)
            found = _OPERATOR.search(source[start:end].decode())
            return found and (start + found.start(), start + found.end(), _OPPOSITE[found.group()])
        case ast.Attribute(attr=name) | ast.Name(id=name) if name in _OTHER:
            end = _end(node, offsets)
            return end - len(name), end, _OTHER[name]
        case ast.UnaryOp(op=ast.Not()):
            return _start(node, offsets), _start(node, offsets) + len("not"), ""
    return None


def _mutant(source: bytes, node: ast.expr, offsets: list[int], change: tuple[int, int, str]) -> Mutant:
    start, end, text = change
    first, last = offsets[node.lineno - 1], offsets[node.end_lineno or node.lineno]
    changed = source[:start] + text.encode() + source[end:]
    return Mutant(
        line=node.lineno,
        before=_one_line(source[first:last]),
        after=_one_line(changed[first : last + len(changed) - len(source)]),
        source=changed.decode(),
    )


def _one_line(text: bytes) -> str:
    return " ".join(text.decode().split())
