"""Plain YAML is read by one parser, everything else by the other; nobody can tell which."""

from pathlib import Path

import pytest

from autoscaler.policy.parsing import read_documents
from autoscaler.policy.plain_yaml import compose

EXAMPLES = sorted((Path(__file__).resolve().parents[3] / "policies" / "examples").rglob("*.yaml"))
FOR_THE_OTHER_PARSER = "\n# é\n"
"""A comment that changes nothing, and that is not plain."""


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\n",
        "---\na: {b: [1, 2.5, ~, null, true, yes, 0x1f, 0o7, 010, 1e3, .inf, -1, 2020-01-01, <<, =]}\n",
        "a: 'it''s: 1'\nb: \"*\"\nc:\n- x\n-   y: 1\n    z:\n- []\n",
        "a: http://x:80/y?z#w # a comment\n# another\nb:\n",
        "a:\n  k: 1\n  k: 2\n",
        "- a\n- [b, [c]]\n",
        "just a text\n",
        "",
    ],
)
def test_plain_texts_are_read_alike(text: str) -> None:
    """Values, lines and problems are those of the other parser."""
    assert read_documents("f", text) == read_documents("f", text + FOR_THE_OTHER_PARSER)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_documents_of_ours_are_read_alike(path: Path) -> None:
    """So are the examples, document by document."""
    text = path.read_text()
    others = "".join(f"{line}{FOR_THE_OTHER_PARSER.rstrip()}\n" if line == "---" else f"{line}\n" for line in text.splitlines())  # fmt: skip
    found, wanted = read_documents("f", text), read_documents("f", others)
    assert [one.value for one in found] == [one.value for one in wanted]
    assert not any(one.problems for one in found)


@pytest.mark.parametrize(
    "text",
    [
        "a: &x 1\nb: *x\n", "a: !!str 1\n", "%YAML 1.1\n---\na: 1\n", 'a: "\\n"\n', "a:\t1\n", "a: é\n", "a: |\n  b\n",
        "a: b\n  c\n", "? [a]\n: 1\n", '{"a":1}\n', "[[a]:b]\n", "a: 1\n--- b\n", "[" * 50 + "]" * 50, "a: ]\n",
        "a: [\n", "? \n: 1\n", "a: 1\na b\n", "",
    ],
)  # fmt: skip
def test_anything_else_is_left_to_the_other_parser(text: str) -> None:
    """What is not plain, and what is wrong in any way, is not read here."""
    assert compose(text) is None


@pytest.mark.skipif(compose("a: 1") is None, reason="PyYAML is not here, or without libyaml")
def test_ordinary_documents_are_plain() -> None:
    """A document as tenants write them does not wait for the other parser."""
    assert compose('kind: Tenant\nmetadata: {name: a}\nspec: {namespaces: ["*"], source: main}\n') is not None
