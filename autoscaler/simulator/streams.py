"""Generators of random numbers that are named by what they are for, so that nobody's draws move another's."""

from hashlib import blake2b

import numpy as np

NAME_BYTES = 16
"""Of a hashed name: two of a million names collide with a chance below 10⁻²⁶."""


def named(root: np.random.Generator, *names: str) -> np.random.Generator:
    """Give the generator of this name under a root.

    It depends on the seed that the root was made from and on the names alone: not on what was drawn from the root, nor
    on how many other generators were made, in whatever order. So a function meets the same requests whoever decides and
    whatever functions are beside it.

    Raises:
        ValueError: the root was not made from a seed.
    """
    seeds = root.bit_generator.seed_seq
    if not isinstance(seeds, np.random.SeedSequence):
        raise ValueError(f"a generator that a SeedSequence made; this one has {type(seeds).__name__}")
    digest = blake2b("\0".join(names).encode(), digest_size=NAME_BYTES).digest()
    words = np.frombuffer(digest, dtype="<u4").tolist()
    child = np.random.SeedSequence(seeds.entropy, spawn_key=(*seeds.spawn_key, *words))
    return np.random.Generator(np.random.SFC64(child))
