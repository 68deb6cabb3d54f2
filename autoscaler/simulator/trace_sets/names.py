"""Names that Kubernetes accepts, of what a source calls its functions."""

import re
from collections.abc import Sequence

LONGEST = 63
HASH_LETTERS = 12
"""Letters that are kept of a hash, where they tell it from all others."""

_NOT_ALLOWED = re.compile(r"[^a-z0-9-]+")
_HASH = re.compile(r"[0-9a-f]{24,}")


def kubernetes_names(texts: Sequence[str]) -> dict[str, str]:
    """Give a name for each text: lower case, other signs as `-`, hashes cut, a number where two would be alike."""
    wanted = {text: _plain(text) for text in dict.fromkeys(texts)}
    for letters in (HASH_LETTERS, 2 * HASH_LETTERS, LONGEST):
        found = {text: _cut(name, letters) for text, name in wanted.items()}
        if len(set(found.values())) == len(found):
            return found
    return _numbered(found)


def _plain(text: str) -> str:
    return _NOT_ALLOWED.sub("-", text.lower()).strip("-") or "function"


def _cut(name: str, letters: int) -> str:
    return (name[:letters] if _HASH.fullmatch(name) else name[:LONGEST]).strip("-")


def _numbered(names: dict[str, str]) -> dict[str, str]:
    taken: set[str] = set()
    result = {}
    for text, name in names.items():
        number, free = 1, name
        while free in taken:
            number += 1
            free = f"{name[: LONGEST - 8]}-{number}"
        taken.add(free)
        result[text] = free
    return result
