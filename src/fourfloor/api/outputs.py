"""Where results go: folders that can be written, and names that replace nothing and tell models apart."""

import json
import os
from collections.abc import Iterable
from pathlib import Path

from fourfloor import audio
from fourfloor.errors import FourfloorError
from fourfloor.generation import Request
from fourfloor.ingestion.schema import CATALOGUE
from fourfloor.loading import LoopModel

LONGEST_WORD = 60  # of a name: most file systems take 255 bytes in all
LONGEST_SOURCE = 100  # bytes of a loop's name in the names of what is made of it: morph has two of them


def refuse_existing(folder: Path, names: Iterable[str], remedy: str = "choose another --out") -> None:
    """Raise FourfloorError for the first file of a folder that would be replaced; called before the work."""
    try:
        existing = set(os.listdir(folder))
    except FileNotFoundError:
        return
    except OSError as error:
        raise FourfloorError(f"{folder}: cannot write there ({error.strerror}); choose another --out") from None
    for name in names:
        if name in existing:
            raise FourfloorError(f"{folder / name}: exists already; pass --overwrite, or {remedy}")


def refuse_dataset(folder: Path) -> None:
    """Raise FourfloorError for the folder of a dataset: other files in it would stop `ingest --overwrite`."""
    if (folder / CATALOGUE).is_file():
        raise FourfloorError(f"{folder}: is a dataset; choose another --out")


def model_word(model: LoopModel, folder: Path, requests: Iterable[Request]) -> str:
    """Return what stands for a model in the names of its loops: its own name, for example "warehouse".

    Two models may have the same name: where a loop of another one has a name that would be given, the first digits of a
    hash of the weights follow.
    """
    word = audio.plain_word(model.name[:LONGEST_WORD])
    for request in requests:
        path = folder / f"{loop_title(word, request)}.wav"
        if path.is_file() and _weights_named_in(path) not in (None, model.weights_hash):
            return f"{word}-{model.weights_hash[:6]}"
    return word


def loop_title(word: str, request: Request) -> str:
    """Name a loop as sample packs do, for example fourfloor_126bpm_warehouse_deep-house_4bars_s0.

    `word` stands for the model; the seed is that of the draw that was kept.
    """
    asked = [f"{name}-{audio.decimal_word(value)}" for name, value in request.controls.asked.items()]
    style = [audio.plain_word(request.style[:LONGEST_WORD])] if request.style else []
    controls = map(audio.plain_word, asked)
    tempo, bars, seed = audio.tempo_word(request.bpm), f"{request.bars}bars", f"s{request.seed}"
    return "_".join(["fourfloor", tempo, word, *style, *controls, bars, seed])


def vary_title(source: str, amount: float, seed: int) -> str:
    """Name a variation of the loop `source`; like all names of ours without a dot, at which WebDataset would cut.

    >>> vary_title("kick", 0.3, 7)
    'kick_vary-0p3_s7'
    """
    return f"{_short(source)}_vary-{audio.decimal_word(amount)}_s{seed}"


def fill_title(source: str, beats: tuple[float, float], band: str, seed: int) -> str:
    """Name a loop with a new region, of all frequencies or of a band.

    >>> fill_title("kick", (9, 16), "high", 7)
    'kick_fill-beats-9-16-high_s7'
    """
    first, last = map(audio.decimal_word, beats)
    return f"{_short(source)}_fill-beats-{first}-{last}{'' if band == 'all' else f'-{band}'}_s{seed}"


def extend_title(source: str, whole: bool, seed: int) -> str:
    """Name the next bars of a loop, or the loop with its next bars.

    >>> extend_title("kick", True, 7)
    'kick_continued_s7'
    """
    return f"{_short(source)}_{'continued' if whole else 'next'}_s{seed}"


def morph_title(source: str, target: str, number: int) -> str:
    """Name step `number` from one loop to another, counted from 1.

    >>> morph_title("kick", "hats", 2)
    'kick_to_hats_2'
    """
    return f"{_short(source)}_to_{_short(target)}_{number}"


def _short(name: str) -> str:
    """Return a name that leaves room for another one: file systems take 255 bytes."""
    while len(os.fsencode(name)) > LONGEST_SOURCE:
        name = name[:-1]
    return name


def _weights_named_in(path: Path) -> str | None:
    """Return the hash of the weights that made a loop, as its tags say; None where they do not."""
    try:
        tags = audio.read_tags(path)
        comment = json.loads(tags.comment) if tags else None
    except (ValueError, RecursionError):
        return None
    weights = comment.get("weights") if isinstance(comment, dict) else None
    return weights if isinstance(weights, str) else None
