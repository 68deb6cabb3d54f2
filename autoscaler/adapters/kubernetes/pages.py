"""A page of a list, read object by object: a whole one at once would stop everything else for too long."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from autoscaler.adapters.kubernetes.connection import parse_object
from autoscaler.adapters.kubernetes.errors import Garbled

_BEGIN = b'"items":['
_START = re.compile(rb'\{(?:"apiVersion":"[^"\\]*","kind":"[^"\\]*",)?"metadata":\{')
"""How an object begins: with its metadata; a custom resource says before it what it is."""
_PLAIN = b'{"metadata":{'
_SPEC = b'},"spec":'
_MANAGED, _AFTER_MANAGED = b'"managedFields":[', b'}],"name":"'


@dataclass(frozen=True, slots=True)
class Page:
    """One page.

    Attributes:
        version: resource version of the list.
        token: asks for the next page; "": this is the last one.
        raw: its JSON.
        place: where its first object begins in `raw` and its last one ends; None: it must be read as a whole.
        start: how each object begins, up to what is in its metadata.
    """

    version: str
    token: str
    raw: bytes
    place: tuple[int, int] | None
    start: bytes = _PLAIN

    def objects(self, most_bytes: int | None = None) -> Iterator[dict[str, Any]]:
        """Give the objects one by one, each parsed when it is asked for.

        The API server writes a list without spaces, and each object begins with its metadata, a custom resource with
        its kind and then its metadata. Cut at these places, pieces that are JSON
        objects each for itself are the list's objects: a cut anywhere else would leave brackets open, and within a
        text there are no bare quotes. What cannot be read in pieces is read as a whole.

        Args:
            most_bytes: a larger object comes `without_spec`; None: all are read whole.

        Raises:
            Garbled: it is no list of objects.
        """
        read = 0
        for piece in self._pieces():
            try:
                found = orjson.loads(without_spec(piece, most_bytes))
            except orjson.JSONDecodeError:
                break
            yield found
            read += 1
        else:
            if self.place is not None:
                return
        yield from _items(parse_object(self.raw))[read:]

    def _pieces(self) -> Iterator[bytes]:
        if self.place is None:
            return
        pieces = self.raw[slice(*self.place)].split(b"}," + self.start)
        last = len(pieces) - 1
        for place, piece in enumerate(pieces):
            yield (self.start if place else b"") + piece + (b"}" if place < last else b"")


def without_spec(raw: bytes, most_bytes: int | None) -> bytes:
    """Cut an object, or a watch event around one, after its metadata if it is larger than this; add its `sizeBytes`.

    Nobody shall be able to hold up everything else for as long as it takes to read a megabyte of JSON. The API server
    writes a custom resource's keys in order, so its spec follows its metadata; who owns which field is cut out too,
    for that grows with the spec. Within a text there are no bare quotes, so what is found is never part of one.
    """
    if most_bytes is None or len(raw) <= most_bytes:
        return raw
    end = raw.find(_SPEC)
    if end < 0:
        return raw
    head = raw[:end]
    begin, after = head.find(_MANAGED), head.rfind(_AFTER_MANAGED)
    if 0 <= begin < after:
        head = head[:begin] + head[after + len(b"}],") :]
    return head + b'},"sizeBytes":%d' % len(raw) + b"}" * (2 if raw.startswith(b'{"type"') else 1)


def read_page(raw: bytes) -> Page:
    """Read what a page says of itself.

    Raises:
        Garbled: it is no page of a list.
    """
    place = _objects_in(raw)
    head = None if place is None else _head(raw[: place[0] - len(_BEGIN)], raw[place[1] + 1 :])
    if head is None:
        place, head = None, parse_object(raw)
        _items(head)
    metadata = head.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    version, token = metadata.get("resourceVersion"), metadata.get("continue") or ""
    if not isinstance(version, str) or not version or not isinstance(token, str):
        raise Garbled("a list without a resource version")
    begins = None if place is None else _START.match(raw, place[0])
    return Page(version, token, raw, place, _PLAIN if begins is None else begins.group())


def _objects_in(raw: bytes) -> tuple[int, int] | None:
    """Give where the first object begins and the last one ends; None: there are none, or they end elsewhere."""
    at, end = raw.find(_BEGIN), raw.rfind(b"]")
    begin = at + len(_BEGIN)
    return (begin, end) if 0 <= at < end and _START.match(raw, begin) is not None else None


def _head(before: bytes, after: bytes) -> dict[str, Any] | None:
    """Read what stands around the objects; None: the list's own metadata does not.

    It stands before them, and in lists of custom resources, whose keys are sorted, after them.
    """
    try:
        head = parse_object(before + b'"items":[]' + after)
    except Garbled:
        return None
    return head if "metadata" in head else None


def _items(page: dict[str, Any]) -> list[dict[str, Any]]:
    items = page.get("items")
    if items is None and str(page.get("kind", "")).endswith("List"):
        return []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise Garbled("a list without items")
    return items
