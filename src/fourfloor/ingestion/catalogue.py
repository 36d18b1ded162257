"""A dataset on disk: loops as int16 audio and features, with a catalogue that says what each one is.

A folder of three files (`writing.py` writes them):

    catalogue.json   schema, settings, tracks, loops, rejected files, hashes
    audio.i16        the loops back to back, int16, (frames, channels) interleaved
    features.f16     float16 (loops, frames, feature_dim): the fixed latents of each loop

and, where the producer was asked for the truth, what separator and transcriber train on, a row a loop:

    stems.f16        kick, drums, bass and music (`representations/stems.py`)
    instruments.f16  the spectra of the same and of the mix (`representations/score.py`)
    score.u8         what drums and bass play (the same)

On an object store it is these files in shards (`buckets.py` sends them), which are read when they are asked for.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from fourfloor.errors import FourfloorError
from fourfloor.ingestion.checking import check_content, check_content_once, check_sizes
from fourfloor.ingestion.schema import (
    AUDIO,
    CATALOGUE,
    CODEC,
    FEATURES,
    SCHEMA,
    TRUTH,
    Catalogue,
    Loop,
    Track,
    parse,
)
from fourfloor.reading import nearby, read_file
from fourfloor.representations import latent
from fourfloor.signal.beatgrid import loop_samples
from fourfloor.signal.stft import resample_loop
from fourfloor.stores import is_address
from fourfloor.stores.files import StoredFiles
from fourfloor.workspace import finish_interrupted

__all__ = ["Catalogue", "Loop", "Track", "hash_file", "load", "loop_features"]

NEEDED = frozenset([CATALOGUE, AUDIO, FEATURES])
FILES = NEEDED | {CODEC, *TRUTH}
MAX_BYTES = 1 << 28  # of catalogue.json: a million loops
_REBUILD = "make the dataset again with --overwrite"


def load(path: str | Path, verify: bool = True, once: bool = False) -> Catalogue:
    """Read a dataset, in a folder or at an address, and check its schema, sizes and hashes; FourfloorError in one line.

    `verify=False` skips hashing audio and features (about 1 s a gigabyte); sizes and the catalogue are still checked.
    `once` skips it where the files were hashed before and not touched since. What lies on an object store is hashed
    when it is read.
    """
    if is_address(path):
        return _load_stored(os.fspath(path))
    folder = Path(path)
    finish_interrupted(folder, FILES)
    try:
        content = read_json(folder)
        catalogue = parse(folder, content)
        check_sizes(catalogue)
        if verify:
            check = check_content_once if once else check_content
            check(catalogue, content["features_sha256"])
    except OSError as error:
        if isinstance(error, (FileNotFoundError, NotADirectoryError)) and not (folder / CATALOGUE).exists():
            made = "name a folder made by `fourfloor ingest` or `fourfloor produce`"
            meant = nearby(folder, lambda place: (place / CATALOGUE).is_file())
            raise FourfloorError(f"{folder}: holds no dataset ({CATALOGUE} is missing); {made}{meant}") from None
        reason = error.strerror or type(error).__name__
        raise FourfloorError(f"{folder}: cannot be read as a dataset ({reason}); {_REBUILD}") from None
    except (ValueError, RecursionError) as error:
        raise FourfloorError(f"{folder}: {error}; {_REBUILD}") from None
    return catalogue


def _load_stored(url: str) -> Catalogue:
    """Open a dataset on an object store."""
    stored = StoredFiles.open(url, NEEDED, FILES)
    size = stored.size(CATALOGUE)
    raw = stored.read(CATALOGUE, 0, min(size, MAX_BYTES + 1))
    try:
        if size > MAX_BYTES:
            raise FourfloorError(f"{CATALOGUE} is larger than {MAX_BYTES} bytes")
        catalogue = parse(stored.home(), _parsed(raw))
        if catalogue.data_hash != stored.data_hash:
            raise FourfloorError("its list names another dataset than its shards are")
        catalogue = replace(catalogue, stored=stored)
        check_sizes(catalogue)
    except (ValueError, RecursionError) as error:
        raise FourfloorError(f"{url}: {error}; send the dataset again: fourfloor push") from None
    return catalogue


def read_json(folder: Path) -> dict[str, Any]:
    """Read the catalogue of a folder; ValueError in a few words where it is none, OSError where it cannot be read."""
    return _parsed(read_file(folder / CATALOGUE, MAX_BYTES))


def _parsed(raw: bytes) -> dict[str, Any]:
    """Return the JSON of a catalogue's bytes; ValueError in a few words where they are none."""
    try:
        content = json.loads(raw.decode("utf-8"), parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise FourfloorError(f"{CATALOGUE} is damaged at line {error.lineno}") from None
    except UnicodeDecodeError:
        raise FourfloorError(f"{CATALOGUE} is not UTF-8 text") from None
    if not isinstance(content, dict) or "schema" not in content:
        raise FourfloorError(f"{CATALOGUE} is not a catalogue")
    if content["schema"] not in (SCHEMA - 1, SCHEMA):
        told = f"{CATALOGUE} has schema {ascii(content['schema'])[:20]}, this version reads {SCHEMA - 1} and {SCHEMA}"
        raise FourfloorError(f"{told} (a newer fourfloor may read it)")
    return content


def _refuse_constant(name: str) -> None:
    raise FourfloorError(f"{CATALOGUE} contains {name}")


def hash_file(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes, read in blocks."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def loop_features(waveform: np.ndarray, bpm: float, bars: int) -> np.ndarray:
    """Return the float16 features of a loop at any sample rate; the analysis itself works at its own."""
    samples = loop_samples(bpm, bars, latent.SAMPLE_RATE)
    return latent.analyze(resample_loop(waveform, samples), bpm, bars).astype("<f2")
