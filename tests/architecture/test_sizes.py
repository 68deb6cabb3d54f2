"""Files stay readable: one subject each."""

import io
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(path for folder in ("autoscaler", "tests", "benchmarks") for path in (ROOT / folder).rglob("*.py"))
NOT_CODE = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


def lines_of_code(text: str) -> int:
    """Count the lines that hold code; comments, docstrings and blank lines are free."""
    lines: set[int] = set()
    at_line_start = True
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in NOT_CODE:
            at_line_start = at_line_start or token.type in {tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
            continue
        if not (token.type == tokenize.STRING and at_line_start):
            lines.update(range(token.start[0], token.end[0] + 1))
        at_line_start = False
    return len(lines)


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(ROOT)) for path in FILES])
def test_no_file_is_over_400_lines_of_code(path: Path) -> None:
    """A file of more than 400 lines of code has more than one subject."""
    assert lines_of_code(path.read_text()) <= 400


def test_docstrings_and_comments_are_not_code() -> None:
    """Only lines that do something are counted."""
    assert lines_of_code('"""Why."""\n\n# because\ndef f():\n    """What."""\n    return (1 +\n            2)\n') == 3
