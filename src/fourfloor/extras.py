"""What training and many machines need beside what generating does, and what to type where it is missing."""

from collections.abc import Iterator
from contextlib import contextmanager

from fourfloor.errors import FourfloorError

TRAIN = "pip install 'fourfloor[train]'"
SCALE = "pip install 'fourfloor[scale]'"
CPU_TORCH = "pip install torch --index-url https://download.pytorch.org/whl/cpu"


@contextmanager
def needing_torch(what: str) -> Iterator[None]:
    """Say in one line what to type where torch is not installed; `what` begins the sentence."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in ("torch", "einops"):
            raise
        size = f"With CUDA it takes gigabytes; for 200 MB type first: {CPU_TORCH}"
        raise FourfloorError(f"{what} needs {error.name}. Type: {TRAIN}. {size}") from None


@contextmanager
def needing_scale(what: str) -> Iterator[None]:
    """Say in one line what to type where a package of the extra `scale` is missing; `what` begins the sentence."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in ("ray", "fsspec", "s3fs"):
            raise
        raise FourfloorError(f"{what} needs {error.name}. Type: {SCALE}") from None
