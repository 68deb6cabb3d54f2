"""Two parsers of YAML, one answer."""

from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.policy.parsing import pieces, read_documents
from autoscaler.policy.plain_yaml import compose
from tests.property.effort import examples

ATOMS = ["a", "b c", "1", "010", "0x1f", "1.5", "~", "", "'s'", '"*"', '"q: x"', "http://x", "a:b", "a#b", "x #c", "- ",
         "-", "? ", ": ", ":", ", ", "[", "]", "{", "}", "\n", "\n  ", "\n    ", "\n- ", "\n  - ", " ", "# c", '"', "'", "|",
         ">", "a: 1", "[1, 2]", "{a: 1}", "{a:1}", '{"a":1}', "[[a]:a]", "{?a: 1}", "---", "...", "%", "@", "!", "&a ", "*a"]  # fmt: skip
VALUES = st.recursive(
    st.sampled_from(ATOMS),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda parts: f"[{', '.join(parts)}]")
        | st.lists(st.tuples(st.sampled_from(["k", "l", '"q"', "1"]), inner), max_size=3).map(
            lambda pairs: "{" + ", ".join(f"{key}: {value}" for key, value in pairs) + "}"
        )
    ),
    max_leaves=6,
)
BLOCKS = st.lists(
    st.tuples(st.sampled_from(["k:", "l: ", "- ", "  m: ", "  - ", "k:\n  - ", "    n: ", "# "]), VALUES), max_size=6
).map(lambda lines: "".join(f"{begin}{value}\n" for begin, value in lines))
TEXTS = BLOCKS | st.lists(st.sampled_from(ATOMS), max_size=12).map("".join)


@settings(max_examples=examples(300), deadline=None)
@given(TEXTS)
def test_what_is_read_as_plain_is_read_alike(text: str) -> None:
    """A text that is taken for plain has the values, lines and problems that the other parser finds in it."""
    for piece, _ in pieces(text):
        if compose(piece) is not None:
            assert read_documents("f", piece) == read_documents("f", piece + "\n# é\n")
