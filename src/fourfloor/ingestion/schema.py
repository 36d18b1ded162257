"""What a catalogue says: tracks, loops and settings, checked strictly when read.

In comes the JSON content of a catalogue, out come frozen rows whose every value has the declared type, a sane range
and points at something that exists; a FourfloorError in one line otherwise.
"""

from __future__ import annotations

import functools
import hashlib
import json
import types
import typing
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from fourfloor.errors import FourfloorError
from fourfloor.signal.beatgrid import loop_samples
from fourfloor.stores import Place
from fourfloor.stores.files import StoredFiles, StoredRows

SCHEMA = 2
# How the beats of a track lie: whole bars from its first sample on, at one tempo, in stretches of their own tempo each,
# or in no grid that loops can be cut from.
GRIDS = ("exact", "steady", "pieces", "broken")
SPLITS = ("train", "validation")
CATALOGUE, AUDIO, FEATURES = "catalogue.json", "audio.i16", "features.f16"
# What only a producer knows, where it was asked to keep it: settings["truth"] maps these names to their hashes.
TRUTH = ("stems.f16", "instruments.f16", "score.u8")
CODEC = "codec.safetensors"  # added when a model is first trained on the dataset
FULL_SCALE = 32767
Rows = np.ndarray | StoredRows  # an array whose rows, or slices of them, are read when they are asked for
MAX_TEXT = 10_000  # characters of a path or a reason; a path has at most 4096 bytes


@dataclass(frozen=True, kw_only=True)
class Track:
    """Describe one source of loops; `first_downbeat` in seconds, `sha256` of the file as it was.

    `meter` like "4/4"; `drift_ms` says how far the beats lie from those of one constant tempo, `grid` is of `GRIDS`.
    """

    name: str
    path: str
    sha256: str
    bpm: float
    confidence: float
    first_downbeat: float
    style: str
    split: str
    loops: int
    dropped: dict[str, int] = field(default_factory=dict)
    repairs: list[str] = field(default_factory=list)
    meter: str = "4/4"
    drift_ms: float = 0.0
    grid: str = "exact"


# What schema 1 did not say of a track.
_ADDED_IN_2 = {"meter": "4/4", "drift_ms": 0.0, "grid": "steady"}


@dataclass(frozen=True, kw_only=True)
class Loop:
    """Describe one loop; `offset` and `frames` count frames of audio.i16, `follows` is the loop that ends here."""

    track: int
    start_seconds: float
    bpm: float
    bars: int
    split: str
    offset: int
    frames: int
    gain_db: float
    sha256: str
    follows: int | None
    key: str | None


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """Hold what a dataset contains, and open its arrays.

    `data_hash` names what a model learns from (audio, features, splits, tempi), whatever the files were called. `path`
    is its folder. The files of one on an object store are `stored`, and its folder holds what this machine adds.
    """

    path: Path
    settings: dict[str, Any]
    bars: int
    sample_rate: int
    channels: int
    feature_frames: int
    feature_dim: int
    tracks: tuple[Track, ...]
    loops: tuple[Loop, ...]
    rejected: tuple[dict[str, str], ...]
    data_hash: str
    stored: StoredFiles | None = None

    def __fspath__(self) -> str:
        return str(self.place)

    @property
    def place(self) -> Place:
        """Return the folder or address that the dataset was opened by."""
        return self.stored.url if self.stored else self.path

    def indices(self, split: str) -> list[int]:
        """Return the indices of the loops of one split, in order."""
        return [index for index, loop in enumerate(self.loops) if loop.split == split]

    def size(self, name: str) -> int:
        """Return the bytes of a file; OSError or FourfloorError where there is none."""
        return self.stored.size(name) if self.stored else (self.path / name).stat().st_size

    def _rows(self, name: str, dtype: str, shape: tuple[int, ...]) -> Rows:
        """Open a file as an array, read-only: mapped into memory, or read from the store as far as it is asked for."""
        if self.stored:
            return self.stored.rows(name, dtype, shape)
        return np.memmap(self.path / name, dtype=dtype, mode="r", shape=shape)

    def audio(self) -> Rows:
        """Open audio.i16: int16 (all frames, channels)."""
        total = self.loops[-1].offset + self.loops[-1].frames
        return self._rows(AUDIO, "<i2", (total, self.channels))

    def features(self) -> Rows:
        """Open features.f16: float16 (loops, frames, feature_dim)."""
        return self._rows(FEATURES, "<f2", (len(self.loops), self.feature_frames, self.feature_dim))

    @property
    def truth_hashes(self) -> dict[str, str]:
        """Map the files of TRUTH to their hashes; empty where the dataset has none."""
        hashes = self.settings.get("truth")
        return {name: str(hashes.get(name)) for name in TRUTH} if isinstance(hashes, dict) else {}

    def truth(self, name: str) -> Rows:
        """Open a file of TRUTH: a row of values a loop."""
        dtype = "<f2" if name.endswith(".f16") else "u1"
        values, rest = divmod(self.size(name), len(self.loops) * np.dtype(dtype).itemsize)
        if rest or not values:
            raise FourfloorError(f"{self.place}: {name} has no row for each loop; make the dataset again")
        return self._rows(name, dtype, (len(self.loops), values))

    def waveform(self, index: int) -> np.ndarray:
        """Return one loop as float32 (channels, frames) in [-1, 1]."""
        loop = self.loops[index]
        return to_waveform(self.audio()[loop.offset : loop.offset + loop.frames])

    def passage(self, track: str, seconds: float) -> tuple[int, np.ndarray] | None:
        """Find the training loop that sounds at a time of a track: its index, and its waveform turned to begin there.

        None where that time of the track was not kept.
        """
        for index in self.indices("train"):
            loop = self.loops[index]
            since = seconds - loop.start_seconds
            if self.tracks[loop.track].name == track and 0 <= since < loop.frames / self.sample_rate:
                return index, np.roll(self.waveform(index), -round(since * self.sample_rate), axis=1)
        return None


def to_pcm(waveform: np.ndarray) -> np.ndarray:
    """Round a waveform (channels, frames) to interleaved int16 (frames, channels); FourfloorError outside [-1, 1]."""
    peak = float(np.max(np.abs(waveform), initial=0.0))
    if not peak <= 1.0:  # also true of NaN
        raise FourfloorError(f"a loop's peak is {peak:g}, not within [-1, 1]: lower its gain")
    return np.ascontiguousarray(np.rint(waveform.T * FULL_SCALE).astype("<i2"))


def to_waveform(pcm: np.ndarray) -> np.ndarray:
    """Turn interleaved int16 (frames, channels) into a float32 waveform (channels, frames)."""
    return np.ascontiguousarray(pcm.T.astype(np.float32) / np.float32(FULL_SCALE))


def content_hashes(content: dict[str, Any]) -> tuple[str, str]:
    """Return (data_hash, catalogue_hash) of a catalogue's JSON content.

    The first leaves out names and paths, so that moved files keep it; the second covers every other byte of meaning.
    """
    heard = {key: content[key] for key in ("schema", "bars", "sample_rate", "channels", "loops", "features_sha256")}
    heard["tracks"] = [{key: track[key] for key in ("sha256", "bpm", "style", "split")} for track in content["tracks"]]
    rest = {key: value for key, value in content.items() if key not in ("data_hash", "catalogue_hash")}
    return _hash_json(heard), _hash_json(rest)


def _hash_json(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


_KEYS: dict[str, type] = {
    "schema": int, "settings": dict, "bars": int, "sample_rate": int, "channels": int, "feature_frames": int,
    "feature_dim": int, "tracks": list, "loops": list, "rejected": list, "features_sha256": str, "data_hash": str,
    "catalogue_hash": str,
}  # fmt: skip


def parse(folder: Path, content: dict[str, Any]) -> Catalogue:
    """Check a catalogue's JSON content and return it as rows; FourfloorError in one line."""
    if set(content) != set(_KEYS):
        raise FourfloorError(f"{CATALOGUE} has missing or unknown keys: {_names(set(content) ^ set(_KEYS))}")
    for key, kind in _KEYS.items():
        if type(content[key]) is not kind:
            raise FourfloorError(f"{CATALOGUE}: {key} is not of type {kind.__name__}")
    added = _ADDED_IN_2 if content["schema"] == 1 else {}
    tracks = tuple(_record(Track, row, f"tracks[{number}]", added) for number, row in enumerate(content["tracks"]))
    loops = tuple(_record(Loop, row, f"loops[{number}]") for number, row in enumerate(content["loops"]))
    if content_hashes(content) != (content["data_hash"], content["catalogue_hash"]):
        raise FourfloorError(f"{CATALOGUE} does not match its own hash")
    catalogue = Catalogue(
        path=folder, settings=content["settings"], bars=content["bars"], sample_rate=content["sample_rate"],
        channels=content["channels"], feature_frames=content["feature_frames"], feature_dim=content["feature_dim"],
        tracks=tracks, loops=loops, rejected=tuple(content["rejected"]), data_hash=content["data_hash"],
    )  # fmt: skip
    _check_rows(catalogue)
    return catalogue


def _names(keys: set[str]) -> str:
    return ", ".join(sorted(str(key)[:30] for key in keys)[:4])


@functools.cache
def _declared(kind: type) -> dict[str, tuple[type, ...]]:
    """Return the types that each field of a row may have."""
    allowed = {}
    for key, hint in typing.get_type_hints(kind).items():
        origin = typing.get_origin(hint)
        allowed[key] = typing.get_args(hint) if origin is types.UnionType else (origin or hint,)
    return allowed


def _record(kind: type, row: Any, where: str, added: dict[str, Any] | None = None) -> Any:
    """Build a Track or Loop from JSON, every key but those `added` present and of its declared type."""
    declared = _declared(kind)
    added = added or {}
    if not isinstance(row, dict) or set(row) != set(declared) - set(added):
        raise FourfloorError(f"{CATALOGUE}: {where} has missing or unknown keys")
    row = row | added
    for key, allowed in declared.items():
        if type(row[key]) not in allowed:
            raise FourfloorError(f"{CATALOGUE}: {where}.{key} has the wrong type")
    return kind(**{item.name: row[item.name] for item in fields(kind)})


def _check_rows(catalogue: Catalogue) -> None:
    """Check what the types cannot say: ranges, order, and that every index points at something."""
    plausible = 1 <= catalogue.bars <= 64 and 1000 <= catalogue.sample_rate <= 768_000 and 1 <= catalogue.channels <= 2
    if not plausible:
        raise FourfloorError(f"{CATALOGUE} has bars, a sample rate or channels that make no loop")
    if not catalogue.loops or min(catalogue.feature_frames, catalogue.feature_dim) < 1:
        raise FourfloorError(f"{CATALOGUE} lists no loops or no features")
    counts = [0] * len(catalogue.tracks)
    offset = 0
    for index, loop in enumerate(catalogue.loops):
        where = f"{CATALOGUE}: loops[{index}]"
        if not 0 <= loop.track < len(counts) or loop.split != catalogue.tracks[loop.track].split:
            raise FourfloorError(f"{where} names a track or a split that does not fit")
        if loop.bars != catalogue.bars or loop.offset != offset:
            raise FourfloorError(f"{where} has bars or an offset that does not fit")
        if loop.frames != loop_samples(loop.bpm, loop.bars, catalogue.sample_rate):
            raise FourfloorError(f"{where} has a length that does not fit its tempo")
        follows = loop.follows
        if follows is not None and not (0 <= follows < index and catalogue.loops[follows].track == loop.track):
            raise FourfloorError(f"{where} follows a loop that does not fit")
        counts[loop.track] += 1
        offset += loop.frames
    for number, (track, count) in enumerate(zip(catalogue.tracks, counts, strict=True)):
        if track.split not in SPLITS or track.loops != count or len(track.sha256) != 64:
            raise FourfloorError(f"{CATALOGUE}: tracks[{number}] has a split, a count or a hash that does not fit")
        has_tempo = 1 <= track.bpm <= 1000 or (track.bpm == 0 and not count)  # 0: none was found
        if track.grid not in GRIDS or not track.drift_ms >= 0 or not has_tempo:
            raise FourfloorError(f"{CATALOGUE}: tracks[{number}] has a grid, a drift or a tempo that does not fit")
        texts = (track.name, track.path, track.style, track.sha256, track.meter, *track.dropped, *track.repairs)
        if not all(_is_line(text) for text in texts) or not all(type(n) is int for n in track.dropped.values()):
            raise FourfloorError(f"{CATALOGUE}: tracks[{number}] has a text or a number that does not fit")
    for number, row in enumerate(catalogue.rejected):
        if not isinstance(row, dict) or set(row) != {"file", "reason"} or not all(map(_is_line, row.values())):
            raise FourfloorError(f"{CATALOGUE}: rejected[{number}] does not say which file and why")


def _is_line(text: Any) -> bool:
    """Return whether a text can be shown on a terminal as it is."""
    return isinstance(text, str) and text.isprintable() and len(text) <= MAX_TEXT
