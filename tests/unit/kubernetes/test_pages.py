"""A page is read object by object, and gives what reading it as a whole gives."""

from typing import Any

import orjson
import pytest

from autoscaler.adapters.kubernetes.errors import Garbled
from autoscaler.adapters.kubernetes.pages import Page, read_page, without_spec

HEAD = {"kind": "DeploymentList", "apiVersion": "apps/v1", "metadata": {"resourceVersion": "7", "continue": "more"}}
SEPARATOR = '},{"metadata":{'
ITEMS: list[dict[str, Any]] = [
    {"metadata": {"name": "a"}, "spec": {"replicas": 1}},
    {"metadata": {"name": "b", "annotations": {"applied": SEPARATOR}}, "items": [{"metadata": {}}]},
    {"metadata": {"name": "c"}, "templates": [{"metadata": {"name": "x"}}, {"metadata": {"name": "y"}}]},
    {"metadata": {"name": "d"}},
]


def raw(items: list[Any], **options: int) -> bytes:
    return orjson.dumps({**HEAD, "items": items}, **options)


@pytest.mark.parametrize("count", range(len(ITEMS) + 1))
@pytest.mark.parametrize("end", [b"", b"\n"], ids=["", "newline"])
def test_objects_are_those_of_the_whole(count: int, end: bytes) -> None:
    """Whatever an object holds, the text between two objects included, the objects are those of the list."""
    found = read_page(raw(ITEMS[:count]) + end)
    assert (found.version, found.token, list(found.objects())) == ("7", "more", ITEMS[:count])


def test_a_list_written_otherwise_is_read_as_a_whole() -> None:
    """A list with spaces, or whose objects begin otherwise, gives the same objects."""
    spaced = raw(ITEMS, option=orjson.OPT_INDENT_2)
    swapped = [{"spec": {}, "metadata": {"name": "a"}}, {"metadata": {"name": "b"}}]
    last = orjson.dumps({"items": ITEMS, **HEAD})
    assert list(read_page(spaced).objects()) == ITEMS
    assert list(read_page(raw(swapped)).objects()) == swapped
    assert list(read_page(last).objects()) == ITEMS


def test_objects_are_parsed_one_by_one() -> None:
    """The first object of a compact list is given before the second one is looked at."""
    whole = raw(ITEMS[:2])
    broken = Page("7", "", whole.replace(b'"b"', b"b--"), (whole.index(b"[") + 1, len(whole) - 2))
    objects = broken.objects()
    assert next(objects) == ITEMS[0]
    with pytest.raises(Garbled):
        next(objects)


def test_the_last_page_has_no_token() -> None:
    """A list without `continue`, or with an empty one, is the last page."""
    for metadata in ({"resourceVersion": "7"}, {"resourceVersion": "7", "continue": ""}):
        assert read_page(orjson.dumps({"metadata": metadata, "items": []})).token == ""


def test_a_list_of_none_may_lack_items() -> None:
    """A list of a kind that ends in List, with null for items, is empty."""
    assert list(read_page(raw([]).replace(b"[]", b"null")).objects()) == []


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"<html>",
        b'{"items":[]}',
        b'{"metadata":{},"items":[]}',
        b'{"metadata":{"resourceVersion":7},"items":[]}',
        b'{"metadata":{"resourceVersion":"7"},"items":[1]}',
        b'{"metadata":{"resourceVersion":"7"},"items":{"metadata":{}}}',
        b'{"metadata":{"resourceVersion":"7","continue":1},"items":[]}',
        b'{"metadata":{"resourceVersion":"7"}}',
    ],
)
def test_what_is_no_list_is_refused(text: bytes) -> None:
    """Anything else is garbled."""
    with pytest.raises(Garbled):
        read_page(text)


def test_a_list_that_breaks_off_is_refused() -> None:
    """A list cut off within its objects is garbled, wherever it is cut."""
    whole = raw(ITEMS)
    for cut in range(whole.index(b"[") + 5, len(whole) - 1, 7):
        with pytest.raises(Garbled):
            list(read_page(whole[:cut]).objects())


def custom(number: int, annotation: str = "", spec: Any = None) -> dict[str, Any]:
    """Give a custom resource as the API server writes it: keys in order."""
    return {
        "apiVersion": "a.dev/v1",
        "kind": "Thing",
        "metadata": {
            "annotations": {"text": annotation},
            "generation": number,
            "managedFields": [{"fieldsV1": {"f:spec": {"f:x": {}}}, "manager": "m"}],
            "name": f"n{number}",
            "namespace": "ns",
            "ownerReferences": [{"kind": "Thing", "name": "owner", "uid": "o"}],
            "uid": f"u{number}",
        },
        "spec": spec or {},
        "status": {"conditions": [{"reason": "x"}]},
    }


TRICKY = '}],"name":"stolen"},"spec":{"items":[{"apiVersion":"a.dev/v1","kind":"Thing","metadata":{'


def test_lists_of_custom_resources_are_read_in_pieces() -> None:
    """Their own metadata stands behind the objects; each object is parsed alone, whatever its texts hold."""
    items = [custom(number, TRICKY, {"things": [custom(9)]}) for number in range(3)]
    metadata = {"continue": "more", "resourceVersion": "7"}
    whole = orjson.dumps({"apiVersion": "a.dev/v1", "items": items, "kind": "ThingList", "metadata": metadata})
    found = read_page(whole + b"\n")
    assert (found.version, found.token, list(found.objects())) == ("7", "more", items)
    assert found.place is not None
    broken = Page("7", "", whole.replace(b'"n1"', b"n--"), found.place, found.start)
    assert next(broken.objects()) == items[0]


@pytest.mark.parametrize("size", [100, 100_000])
def test_of_a_large_object_only_its_metadata_is_read(size: int) -> None:
    """An object beyond the limit comes without spec and status, with its size; in a list, alone or within an event."""
    large, small = custom(1, TRICKY, {"names": ["x" * 10] * (size // 13 + 90)}), custom(2)
    raw_size = len(orjson.dumps(large))
    cut = {key: value for key, value in large.items() if key not in ("spec", "status")}
    cut["metadata"] = {key: value for key, value in large["metadata"].items() if key != "managedFields"}
    cut["sizeBytes"] = raw_size
    head = {
        "apiVersion": "a.dev/v1",
        "items": [large, small],
        "kind": "ThingList",
        "metadata": {"resourceVersion": "7"},
    }
    assert list(read_page(orjson.dumps(head)).objects(1_200)) == [cut, small]
    event = orjson.dumps({"type": "ADDED", "object": large})
    assert orjson.loads(without_spec(event, 1_200)) == {"type": "ADDED", "object": cut | {"sizeBytes": len(event)}}
    assert without_spec(event, None) is event
    assert without_spec(event, len(event)) is event
