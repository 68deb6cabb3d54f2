"""Paths of parameters: read, refused, and put into plain values."""

import pytest

from autoscaler.simulator.sweeps.paths import EVERY, Named, Path, PathError, put

SCENARIO: dict[str, object] = {
    "startUp": "5s",
    "functions": [
        {"name": "resize", "namespace": "acme", "labels": {"a.b/c": "x"}},
        {"name": "resize", "namespace": "beta"},
        {"name": "work-1", "namespace": "beta"},
    ],
    "events": [],
}


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("startUp", ("startUp",)),
        ("functions[0].service", ("functions", 0, "service")),
        ("functions/resize.service", ("functions", Named("resize"), "service")),
        ("functions/acme/work-*.service", ("functions", Named("work-*", "acme"), "service")),
        ("functions[*].service", ("functions", EVERY, "service")),
        ('functions[0].labels["a.b/c"]', ("functions", 0, "labels", "a.b/c")),
    ],
)
def test_paths_of_a_scenario_are_read(text: str, steps: tuple[object, ...]) -> None:
    """Fields, positions, names, every entry and odd keys may stand in a path."""
    path = Path.parse(text)
    assert (path.kind, path.steps) == (None, steps)


def test_paths_of_documents_name_kind_and_name() -> None:
    """A path that begins with a kind is about documents of it, of any namespace unless it says which."""
    path = Path.parse("ScalingPolicy/acme/default.spec.zero.after")
    assert (path.kind, path.document, path.steps) == (
        "ScalingPolicy",
        Named("default", "acme"),
        ("spec", "zero", "after"),
    )
    mine = {"kind": "ScalingPolicy", "metadata": {"name": "default", "namespace": "acme"}}
    other = {"kind": "ScalingPolicy", "metadata": {"name": "default", "namespace": "beta"}}
    assert (path.is_of(mine), path.is_of(other), path.is_of({"kind": "Tenant"}), path.is_of(None)) == (
        True,
        False,
        False,
        False,
    )
    anywhere = Path.parse("ScalingPolicy/default.spec.zero.after")
    assert (anywhere.is_of(mine), anywhere.is_of(other)) == (True, True)


@pytest.mark.parametrize("text", ["", ".a", "a.", "a..b", "a[", "a[-1]", "a b", "ScalingPolicy/default", "/x.y"])
def test_what_is_no_path_is_refused_with_examples(text: str) -> None:
    """The answer shows what paths look like."""
    with pytest.raises(PathError) as refused:
        Path.parse(text)
    assert "ScalingPolicy/default.spec.zero.after" in refused.value.allowed


def test_a_value_is_put_without_changing_what_was_there() -> None:
    """The result has the value; the original has not."""
    result = put(SCENARIO, Path.parse("functions/resize.service").steps, "1s")
    assert isinstance(result, dict)
    assert [group.get("service") for group in result["functions"]] == ["1s", "1s", None]
    assert "service" not in str(SCENARIO)


def test_mappings_on_the_way_are_made() -> None:
    """A field of a mapping that is not there yet, or null, can be set."""
    assert put({"spec": None}, Path.parse("spec.zero.after").steps, "5m") == {"spec": {"zero": {"after": "5m"}}}


@pytest.mark.parametrize(
    ("text", "wrong", "allowed"),
    [
        ("functions[3].service", "functions has no entry [3]", "[0] to [2]"),
        ("events[0].at", "events has no entry [0]", "the list is empty"),
        ("functions/resise.service", "functions has no entry named resise", "did you mean resize?"),
        ("functions/gamma/resize.service", "functions has no entry named gamma/resize", "resize"),
        ("startUp.mean", "startUp is '5s'", "a path to a field"),
        ("startUp[0]", "startUp is '5s' and no list", "without an entry"),
    ],
)
def test_a_path_to_nothing_says_what_is_there(text: str, wrong: str, allowed: str) -> None:
    """What a path misses is named, with what it may have meant."""
    with pytest.raises(PathError) as refused:
        put(SCENARIO, Path.parse(text).steps, 1)
    assert wrong in refused.value.wrong
    assert allowed in refused.value.allowed
