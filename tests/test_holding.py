"""A stream that is read twice is decoded once where it fits in memory, and gives the same blocks either way."""

from collections.abc import Iterator

import numpy as np
import pytest

from fourfloor.ingestion.holding import Held


class Stream:
    """Count how often it is read."""

    def __init__(self) -> None:
        self.reads = 0

    def __iter__(self) -> Iterator[np.ndarray]:
        self.reads += 1
        for number in range(5):
            yield np.full((2, 100), number, np.float32)


@pytest.mark.parametrize(("most", "reads"), [(4000, 1), (3999, 2), (0, 2)])
def test_a_stream_is_read_again_only_where_it_does_not_fit(most: int, reads: int) -> None:
    stream = Stream()
    held = Held(stream, most)
    first, second = list(held), list(held)
    np.testing.assert_array_equal(first, second)
    assert stream.reads == reads


def test_a_stream_that_was_left_early_is_read_again() -> None:
    stream = Stream()
    held = Held(stream)
    next(iter(held))
    assert len(list(held)) == 5
    assert stream.reads == 2
