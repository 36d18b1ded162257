"""The latent codec of a dataset as a file: safetensors with a hash of its arrays and of the dataset it belongs to."""

import hashlib
import json
from pathlib import Path

from safetensors import SafetensorError, numpy

from fourfloor.errors import FourfloorError
from fourfloor.reading import read_file
from fourfloor.representations import codec_arrays
from fourfloor.representations.latent import Codec, check

MAX_BYTES = 2**20  # it takes 240 kB


def to_bytes(codec: Codec, data_hash: str) -> bytes:
    """Return the content of the file."""
    return numpy.save(codec_arrays(codec), {"sha256": _hash(codec, data_hash)})


def load(path: Path, data_hash: str) -> Codec:
    """Read the codec of a dataset; raise FourfloorError where it is damaged, another's or of another version.

    One without a hash, as earlier versions wrote it, is only checked for being a codec at all.
    """
    remedy = "remove the file if no model was trained on the dataset yet, else ingest the dataset again"
    try:
        if path.stat().st_size > MAX_BYTES:
            raise FourfloorError(f"more than {MAX_BYTES} bytes")
        content = read_file(path, MAX_BYTES)
        codec = Codec(**numpy.load(content))
        check(codec)
        told = _metadata(content)
        if told and told != {"sha256": _hash(codec, data_hash)}:
            raise FourfloorError("its hash differs, or it belongs to another dataset")
    except OSError as error:
        raise FourfloorError(f"{path}: cannot be read ({error.strerror})") from None
    except (TypeError, FourfloorError, SafetensorError) as error:
        raise FourfloorError(f"{path}: is not the dataset's latent codec ({error}); {remedy}") from None
    return codec


def _hash(codec: Codec, data_hash: str) -> str:
    arrays = (codec.mean, codec.encode, codec.decode)
    return hashlib.sha256(b"".join([data_hash.encode(), *(a.astype("<f4").tobytes() for a in arrays)])).hexdigest()


def _metadata(content: bytes) -> dict[str, str]:
    """Return what safetensors that were read say beside their arrays."""
    size = int.from_bytes(content[:8], "little")
    return dict(json.loads(content[8 : 8 + size]).get("__metadata__") or {})
