"""How many examples a property is tried with: `SOAK=50 make soak` tries fifty times as many."""

import os

FACTOR = int(os.environ.get("SOAK", "1"))


def examples(count: int) -> int:
    """Give the number of examples for a property that is tried with `count` in an ordinary run."""
    return count * FACTOR
