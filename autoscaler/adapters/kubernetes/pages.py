"""A page of a list, read object by object: a whole one at once would stop everything else for too long."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from autoscaler.adapters.kubernetes.connection import parse_object
from autoscaler.adapters.kubernetes.errors import Garbled

_BEGIN = b'"items":['
_BETWEEN = b'},{"metadata":{'
_FIRST = b'{"metadata":{'


@dataclass(frozen=True, slots=True)
class Page:
    """One page.

    Attributes:
        version: resource version of the list.
        token: asks for the next page; "": this is the last one.
        raw: its JSON.
        place: where its first object begins in `raw` and its last one ends; None: it must be read as a whole.
    """

    version: str
    token: str
    raw: bytes
    place: tuple[int, int] | None

    def objects(self) -> Iterator[dict[str, Any]]:
        """Give the objects one by one, each parsed when it is asked for.

        The API server writes a list without spaces, its own metadata first, and each object begins with its
        metadata. Cut at these places, pieces that are JSON objects each for itself are the list's objects: a cut
        anywhere else would leave brackets open, and within a text there are no bare quotes. What cannot be read in
        pieces is read as a whole.

        Raises:
            Garbled: it is no list of objects.
        """
        read = 0
        for piece in self._pieces():
            try:
                found = orjson.loads(piece)
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
        pieces = self.raw[slice(*self.place)].split(_BETWEEN)
        last = len(pieces) - 1
        for place, piece in enumerate(pieces):
            yield (_FIRST if place else b"") + piece + (b"}" if place < last else b"")


def read_page(raw: bytes) -> Page:
    """Read what a page says of itself.

    Raises:
        Garbled: it is no page of a list.
    """
    place = _objects_in(raw)
    head = None if place is None else _head(raw[: place[0] - len(_BEGIN)])
    if head is None:
        place, head = None, parse_object(raw)
        _items(head)
    metadata = head.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    version, token = metadata.get("resourceVersion"), metadata.get("continue") or ""
    if not isinstance(version, str) or not version or not isinstance(token, str):
        raise Garbled("a list without a resource version")
    return Page(version, token, raw, place)


def _objects_in(raw: bytes) -> tuple[int, int] | None:
    """Give where the first object begins and the last one ends; None: there are none, or they end elsewhere."""
    at, end = raw.find(_BEGIN + _FIRST), raw.rfind(b"]")
    return (at + len(_BEGIN), end) if 0 <= at < end and raw[end + 1 :].strip() == b"}" else None


def _head(text: bytes) -> dict[str, Any] | None:
    """Read what stands before the objects; None: the list's own metadata does not."""
    try:
        head = parse_object(text + b'"items":[]}')
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
