"""Which decoder renders a prior's loops: found by the headers beside its run, so that no other run matters."""

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from fourfloor import header
from fourfloor.errors import FourfloorError
from fourfloor.training import checkpoint

LOGGER = logging.getLogger(__name__)


def fitting(run: Path, codec_hash: str, bundled: Sequence[Path]) -> list[Path]:
    """List the decoders that share a codec: those beside a run, the longest trained first, then bundled ones.

    Damaged, private and unfinished neighbors are passed over. A warning says which of several is taken: a decoder that
    was trained for longer is the better one, and one that has just begun must not change what a command makes.
    """
    beside = []
    for path in sorted(run.resolve().parent.iterdir()):
        seconds = _seconds_of(path, codec_hash)
        if seconds is not None:
            beside.append((-seconds, path))
    found = [path for _, path in sorted(beside)]
    if len(found) > 1:
        others = ", ".join(path.name for path in found[1:])
        LOGGER.warning(
            "%s: uses the decoder %s, which was trained longer than %s; choose another with --decoder",
            run,
            found[0],
            others,
        )
    return found + [folder / "decoder.json" for folder in bundled if _codec_of(folder / "decoder.json") == codec_hash]


def _seconds_of(run: Path, codec_hash: str) -> float | None:
    """Return how long a run's decoder was trained; None for what is not a decoder of that codec."""
    try:
        described = checkpoint.descriptions(run)
    except OSError:  # a folder that may not be entered
        return None
    for description in described:
        try:
            about = header.read(description)
        except FourfloorError:
            continue  # the checkpoint before it is used, as in loading
        return about.seconds if not about.samples and _codec_of(description) == codec_hash else None
    return None


def _codec_of(description: Path) -> str | None:
    """Return the hash of a checkpoint's codec, of which nothing else is read; None where it cannot be."""
    try:
        with safe_open(description.with_suffix(".safetensors"), "np") as file:
            names = [name for name in file.keys() if name.startswith("constants/")]  # noqa: SIM118 - no mapping
            arrays = {name.removeprefix("constants/"): file.get_tensor(name).astype("float32") for name in names}
    except (OSError, SafetensorError):
        return None
    return hashlib.sha256(save(arrays)).hexdigest()[:16]
