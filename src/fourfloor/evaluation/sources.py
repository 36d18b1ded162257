"""Loops of a dataset, audio files or arrays -> `Sample`s to judge, each read when it is asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fourfloor import audio
from fourfloor.errors import FourfloorError
from fourfloor.evaluation.rhythm import measure_bpm
from fourfloor.ingestion.catalogue import Catalogue, hash_file
from fourfloor.signal.analysis import Array

MAX_SECONDS = 120.0  # a longer file is a track, not a loop
SNAP = 0.01  # an untagged file whose length is within this share of whole bars is taken as whole bars


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One loop to be judged: float32 `(channels, samples)`, `bars` bars at `bpm`; `track` is where it is from."""

    waveform: Array
    sample_rate: int
    bpm: float
    bars: int
    track: str
    name: str = ""
    content: str = ""  # hash of a judged loop


class Source:
    """A set of loops that are read when they are asked for, one at a time."""

    def __init__(
        self,
        load: Callable[[int], Sample],
        tracks: Sequence[str],
        bpms: Sequence[float],
        rates: Sequence[int] = (),
        stream: Callable[[Sequence[int]], Iterator[Sample]] | None = None,
        notes: Callable[[], list[str]] = list,
        filtered: bool = False,
    ) -> None:
        self._load, self.tracks, self.bpms = load, list(tracks), np.array(bpms, dtype=float)
        self.rates, self._stream = list(rates), stream
        self.filtered = filtered  # by the copy search that scores them: few copies are left to count
        self.notes = notes  # called after the loops are read: what a reader of the card must know of them

    @classmethod
    def of(cls, samples: Sequence[Sample]) -> Source:
        """Make a source of loops in memory."""
        return cls(lambda index: samples[index], [s.track for s in samples], [s.bpm for s in samples])

    def __len__(self) -> int:
        return len(self.tracks)

    def __getitem__(self, index: int) -> Sample:
        return self._load(index)

    def stream(self, indices: Sequence[int]) -> Iterator[Sample]:
        """Give some of the loops in order; a source that has a faster way than one by one takes it."""
        return self._stream(indices) if self._stream else map(self._load, indices)

    def draw(self, n: int, seed: int) -> list[int]:
        """Draw up to n different loops, the tracks in turn, so that a long track does not outweigh the others."""
        rng = np.random.default_rng(seed)
        shuffled = [int(i) for i in rng.permutation(len(self))]
        taken: dict[str, int] = {}
        turns = []
        for index in shuffled:
            taken[self.tracks[index]] = taken.get(self.tracks[index], 0) + 1
            turns.append(taken[self.tracks[index]])
        return [index for _, index in sorted(zip(turns, shuffled, strict=True), key=lambda pair: pair[0])][:n]


def dataset_source(catalogue: Catalogue, split: str) -> Source:
    """Give the loops of one split of a dataset."""
    indices = catalogue.indices(split)

    def load(number: int) -> Sample:
        index = indices[number]
        loop = catalogue.loops[index]
        return Sample(
            waveform=catalogue.waveform(index),
            sample_rate=catalogue.sample_rate,
            bpm=loop.bpm,
            bars=loop.bars,
            track=track_name(catalogue, loop.track),
            name=f"loop {index}",
        )

    loops = [catalogue.loops[index] for index in indices]
    return Source(load, [track_name(catalogue, loop.track) for loop in loops], [loop.bpm for loop in loops])


def track_name(catalogue: Catalogue, track: int) -> str:
    """Return a name for a track that no other has, though two files may share one."""
    return f"{catalogue.tracks[track].name} #{track}"


def usable(paths: Sequence[Path]) -> tuple[list[Path], list[tuple[Path, str]]]:
    """Return the files that hold a loop to judge, and `(path, reason)` for the others."""
    found: list[Path] = []
    left_out = []
    for path in paths:
        try:
            info = _loop_info(path)
            if not sum(block.shape[1] for block in audio.AudioStream(path, info.sample_rate, min(info.channels, 2))):
                raise audio.AudioError(path, "holds no samples")
            found.append(path)
        except audio.AudioError as error:
            left_out.append((path, error.reason))
    return found, left_out


def _loop_info(path: Path) -> audio.AudioInfo:
    info = audio.probe(path)
    if info.seconds > MAX_SECONDS:
        raise audio.AudioError(path, f"lasts {info.seconds:.0f} s, a loop at most {MAX_SECONDS:g} s: cut it first")
    return info


def file_source(paths: Sequence[Path], notes: Sequence[str] = ()) -> Source:
    """Read loops from audio files at their own rate, in the order of their content; tempo and bars from their tags.

    Without tags both are measured. Raises AudioError for what is not audio and for a file that is too long.
    """
    hashed = sorted((hash_file(path), str(path)) for path in paths)
    files = [Path(path) for _, path in hashed]
    infos = [_loop_info(path) for path in files]

    def load(index: int) -> Sample:
        info, path = infos[index], files[index]
        waveform = np.concatenate(list(audio.AudioStream(path, info.sample_rate, min(info.channels, 2))), axis=1)
        tags = audio.read_tags(path) if path.suffix.lower() == ".wav" else None
        bpm, bars = (tags.bpm, tags.bars) if tags else estimate_bars(waveform, info.sample_rate)
        return Sample(
            waveform=waveform, sample_rate=info.sample_rate, bpm=bpm, bars=bars, track=f"judged {index}",
            name=path.name, content=hashed[index][0],
        )  # fmt: skip

    tracks = [f"judged {i}" for i in range(len(files))]
    rates = [info.sample_rate for info in infos]
    return Source(load, tracks, [0.0] * len(files), rates, notes=lambda: list(notes))


def estimate_bars(waveform: Array, sample_rate: int) -> tuple[float, int]:
    """Measure the tempo of a loop without tags; the tempo of its whole bars where that is within 1 %.

    A loop of 3 % wrong length keeps the tempo of its content, and so fails the seam's grid test.
    """
    seconds = waveform.shape[1] / sample_rate
    measured = measure_bpm(waveform, sample_rate) or 120.0
    bars = max(1, round(seconds * measured / 240))
    exact = bars * 240 / seconds
    return (exact if abs(exact / measured - 1) <= SNAP else measured), bars


def array_source(names: Sequence[str], waveforms: Sequence[Array], bpms: Sequence[float], sample_rate: int) -> Source:
    """Wrap loops in memory, in the order of their content; their bars follow from their length and tempo."""
    samples = []
    for name, waveform, bpm in zip(names, waveforms, bpms, strict=True):
        shaped = np.atleast_2d(np.asarray(waveform, dtype=np.float32))
        if shaped.size == 0 or not bpm > 0:
            raise FourfloorError(f"{name}: a loop of {shaped.shape[-1]} samples at {bpm} BPM cannot be judged")
        bars = max(1, round(shaped.shape[1] / sample_rate * bpm / 240))
        samples.append((content_hash(shaped, sample_rate, bpm), str(name), shaped, float(bpm), bars))
    samples.sort(key=lambda entry: entry[:2])
    judged = [
        Sample(waveform=waveform, sample_rate=sample_rate, bpm=bpm, bars=bars, track=f"judged {i}", name=name,
               content=content)
        for i, (content, name, waveform, bpm, bars) in enumerate(samples)
    ]  # fmt: skip
    tracks, tempi = [sample.track for sample in judged], [sample.bpm for sample in judged]
    return Source(judged.__getitem__, tracks, tempi, [sample_rate] * len(judged))


def content_hash(waveform: Array, sample_rate: int, bpm: float) -> str:
    """Name a loop `(channels, samples)` by what it holds."""
    digest = hashlib.sha256(np.ascontiguousarray(waveform, dtype="<f4").tobytes())
    digest.update(f"{sample_rate} {bpm:.6f}".encode())
    return digest.hexdigest()
