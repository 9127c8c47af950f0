"""Random streams by name, so that a new part of the company leaves the draws of the others as they were."""

from zlib import crc32

import numpy as np


def stream(seed: int, part: str) -> np.random.Generator:
    """The generator of one part of a company, independent of all other parts' (SeedSequence spawn keys).

    Args:
        seed: the company's seed.
        part: name of the part.
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(crc32(part.encode()),)))
