"""The mutants are what they say they are."""

import ast

from tests.mutation.mutants import mutants_of

SOURCE = '''
def rule(a, b):
    """Say a < b, which is not code."""
    if not (a <= b):
        return np.maximum(a, b)
    return min(a, b) == (
        b
    )
'''


def test_each_mutant_changes_one_expression() -> None:
    """A negation, a comparison over several lines, a maximum and a minimum are each changed alone, text is not."""
    found = list(mutants_of(SOURCE))
    assert [(one.line, one.before, one.after) for one in found] == [
        (4, "if not (a <= b):", "if (a <= b):"),
        (4, "if not (a <= b):", "if not (a < b):"),
        (5, "return np.maximum(a, b)", "return np.minimum(a, b)"),
        (6, "return min(a, b) == ( b )", "return min(a, b) != ( b )"),
        (6, "return min(a, b) == (", "return max(a, b) == ("),
    ]


def test_every_mutant_is_a_program() -> None:
    """What comes out is Python, and no two mutants are the same."""
    sources = [one.source for one in mutants_of(SOURCE)]
    assert len(set(sources)) == len(sources)
    assert all(ast.parse(source) for source in sources)
