"""Plain YAML, read by libyaml: most documents use little of the language, and need not wait for a parser in Python.

Only what both parsers read alike is read here: printable ASCII without escapes, anchors, tags or directives, in
scalars of one line each. A text with anything else in it, or with any mistake, is left to the other parser, which
finds the words and the places of all problems.
"""

import re
from collections.abc import Iterator
from typing import Any

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.resolver import implicit_resolvers
from ruamel.yaml.tag import Tag

try:
    from yaml.cyaml import CParser  # type: ignore[import-untyped]
    from yaml.error import YAMLError  # type: ignore[import-untyped]
except ImportError:  # PyYAML was built without libyaml: everything is left to the other parser
    CParser, YAMLError = None, ValueError

MAX_DEPTH = 20
"""Of what is read here."""

_UNUSUAL = re.compile(r"""[^\n -\[\]-~]|["'\]}] *:[^ \n]""")
"""What is not printable, or an escape; and a value that stands right behind a key in quotes or brackets."""
_VERSION = (1, 2)
_TEXT, _LIST, _MAPPING = (Tag(suffix=f"tag:yaml.org,2002:{kind}") for kind in ("str", "seq", "map"))
_RESOLVERS: dict[str, list[tuple[Tag, Any]]] = {}
for _versions, _tag, _pattern, _first_letters in implicit_resolvers:
    if _VERSION in _versions:
        for _letter in _first_letters:
            _RESOLVERS.setdefault(_letter, []).append((Tag(suffix=_tag), _pattern))


class _Unusual(Exception):
    """It is for the other parser."""


def compose(text: str) -> Node | None:
    """Give the node of a text's only document; None: it is for the other parser, or there is none."""
    if CParser is None or _UNUSUAL.search(text) is not None:
        return None
    try:
        events = _events(CParser(text))
        node = _node(next(events), events, 0)
        return node if next(events, None) is None else None
    except (_Unusual, YAMLError):
        return None


def _events(parser: Any) -> Iterator[Any]:
    """Give the events of the values of the first document; those of a second one are unusual."""
    documents = 0
    while parser.check_event():
        event = parser.get_event()
        kind = type(event).__name__
        if kind == "DocumentStartEvent":
            documents += 1
            if documents > 1 or event.version is not None or event.tags:
                raise _Unusual
        elif kind not in _AROUND:
            yield event
    if not documents:
        raise _Unusual


_AROUND = ("StreamStartEvent", "StreamEndEvent", "DocumentEndEvent")


def _node(event: Any, events: Iterator[Any], depth: int) -> Node:
    kind = type(event).__name__
    if kind == "AliasEvent" or event.anchor is not None or event.tag is not None or depth > MAX_DEPTH:
        raise _Unusual
    if kind == "ScalarEvent":
        return _scalar(event)
    if kind == "SequenceStartEvent":
        return SequenceNode(_LIST, list(_items(events, depth)), event.start_mark, None)
    return MappingNode(_MAPPING, list(_pairs(events, depth)), event.start_mark, None)


def _items(events: Iterator[Any], depth: int) -> Iterator[Node]:
    while type(event := next(events)).__name__ != "SequenceEndEvent":
        yield _node(event, events, depth + 1)


def _pairs(events: Iterator[Any], depth: int) -> Iterator[tuple[Node, Node]]:
    while type(event := next(events)).__name__ != "MappingEndEvent":
        if not isinstance(key := _node(event, events, depth + 1), ScalarNode) or not key.value:
            raise _Unusual
        yield key, _node(next(events), events, depth + 1)


def _scalar(event: Any) -> Node:
    start = event.start_mark
    if event.style in ("|", ">") or start.line != event.end_mark.line:
        raise _Unusual
    return ScalarNode(_tag_of(event.value) if event.implicit[0] else _TEXT, event.value, start, None)


def _tag_of(text: str) -> Tag:
    """Give what YAML 1.2 takes a scalar without quotes for."""
    found = (tag for tag, pattern in _RESOLVERS.get(text[:1], ()) if pattern.match(text))
    return next(found, _TEXT)
