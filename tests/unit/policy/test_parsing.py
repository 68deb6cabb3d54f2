"""YAML texts → plain values with lines."""

import pytest

from autoscaler.policy.parsing import MAX_CHARACTERS, MAX_NODES, read_documents


def test_values_are_plain_and_know_their_lines() -> None:
    """Scalars follow YAML 1.2, and every field path has its line."""
    (document,) = read_documents("f", "a: 1\nb:\n  - x: yes\n    y: [1.5, ~, 0x1f, true, 'true', 2020-01-01, 010]\n")
    assert document.value == {"a": 1, "b": [{"x": "yes", "y": [1.5, None, 31, True, "true", "2020-01-01", 10]}]}
    assert document.lines == {
        "": 1, "a": 1, "b": 2, "b[0]": 3, "b[0].x": 3, "b[0].y": 4,
        **{f"b[0].y[{position}]": 4 for position in range(7)},
    }  # fmt: skip


def test_each_document_is_read_for_itself() -> None:
    """A document that cannot be read spoils neither the one before nor the one after, and lines count on."""
    first, second, third = read_documents("f", "a: 1\n---\nb: ]\n...\n---\nc: 3\n")
    assert (first.value, second.value, third.value) == ({"a": 1}, None, {"c": 3})
    assert [problem.line for problem in second.problems] == [3]
    assert third.lines["c"] == 6


def test_a_separator_within_a_line_separates_nothing() -> None:
    """Dashes that do not stand alone at the start of a line are text."""
    (document,) = read_documents("f", "a: |\n  ---\n  b\nc: x---y\n---d: 1\n")
    assert document.value == {"a": "---\nb\n", "c": "x---y", "---d": 1}


def test_a_key_that_is_there_twice_is_named_with_its_first_place() -> None:
    """Each repetition of a key is a problem at its own line, and the first value counts."""
    (document,) = read_documents("f", "a:\n  k: 1\n  k: 2\n  l: 3\n  k: 4\n")
    assert document.value == {"a": {"k": 1, "l": 3}}
    assert [(problem.line, problem.path) for problem in document.problems] == [(3, "a.k"), (5, "a.k")]
    assert all("line 2" in problem.wrong for problem in document.problems)


@pytest.mark.parametrize(
    "text", ["? [a]\n: 1\n", "a: !!python/object:os.system x\n", "a: !own 1\n", "a: !!int x\n", "a: !!binary eA==\n"]
)
def test_what_has_no_plain_value_is_a_problem(text: str) -> None:
    """Keys that are no text, tags of other kinds and values that belie their tag are told, never built."""
    (document,) = read_documents("f", text)
    assert len(document.problems) == 1


def test_aliases_that_unfold_without_end_are_stopped() -> None:
    """A small text whose aliases stand for billions of values is refused after a bounded number."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    (document,) = read_documents("f", "\n".join(lines))
    assert [problem.wrong for problem in document.problems] == ["is too large"]
    assert str(MAX_NODES) in document.problems[0].allowed


def test_an_alias_within_itself_is_stopped() -> None:
    """A value that contains itself is refused."""
    (document,) = read_documents("f", "a: &a [*a]\n")
    assert [problem.wrong for problem in document.problems] == ["is too large"]


def test_an_ordinary_alias_is_its_value() -> None:
    """An anchor may be used twice."""
    (document,) = read_documents("f", "a: &x {b: 1}\nc: *x\n")
    assert document.value == {"a": {"b": 1}, "c": {"b": 1}}


def test_nesting_without_end_is_a_problem() -> None:
    """A text nested far deeper than any document is refused, not crashed on."""
    (document,) = read_documents("f", "[" * 5000)
    assert document.problems


def test_a_text_without_end_is_not_even_parsed() -> None:
    """A text above the size limit is one problem."""
    (document,) = read_documents("f", "a: 1\n" * (MAX_CHARACTERS // 4))
    assert len(document.problems) == 1


def test_odd_keys_are_escaped_in_paths() -> None:
    """Control characters in a key never reach a message as they are."""
    (document,) = read_documents("f", '"a\\u001b[31m\\n": !own 1\n')
    assert document.problems[0].path.isprintable()
