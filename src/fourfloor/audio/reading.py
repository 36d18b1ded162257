"""Audio files -> waveforms in blocks, at one rate and channel count, in bounded memory.

In: WAV, FLAC, OGG, Opus, MP3, AIFF (also RF64, W64, CAF) of any depth, 4-384 kHz, 1-32 channels. Out: float32 blocks
`(channels, samples)`, and in words what had to be repaired. What a header claims is compared with what is decoded:
broken files rarely fail, they come out silently short or full of garbage.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from fourfloor.audio.files import AudioError, PathLike, one_line
from fourfloor.audio.mixing import mix, without_offset
from fourfloor.audio.mpeg import frame_seconds
from fourfloor.audio.ogg import last_page
from fourfloor.audio.opening import (
    CONVERT,
    MAX_RATE,
    MAX_SAMPLES,
    MIN_RATE,
    AudioInfo,
    opened,
    probe,
    quiet_mpg123,
)
from fourfloor.audio.riff import claimed_over_present
from fourfloor.errors import FourfloorError

SAMPLE_RATE = 44_100

# +24 dBFS: no mix is that hot, but a broken float or Vorbis file easily is.
PEAK_LIMIT = 16.0
_MAX_BAD_SHARE = 0.01
# A damaged FLAC loses the rest of the read it breaks in; one FLAC block a read keeps nearly all that is whole.
_READ_FRAMES = 4096
_CHUNK_SAMPLES = 1 << 17


class AudioStream:
    """Read a file as float32 blocks `(channels, samples)` at `sample_rate`, `block_seconds` long but for the last.

    Each iteration starts anew and gives the same bytes. `repairs` is filled while iterating. Raise AudioError where
    the file is no audio or, at the latest after the last block, where too little of it was sound: what the blocks
    were made into is then to be dropped.
    """

    def __init__(self, path: PathLike, sample_rate: int = SAMPLE_RATE, channels: int = 2, block_seconds: float = 10.0):
        if not MIN_RATE <= sample_rate <= MAX_RATE:
            raise FourfloorError(f"sample_rate {sample_rate} is outside {MIN_RATE}-{MAX_RATE} Hz; use 44100")
        if channels not in (1, 2):
            raise FourfloorError(f"channels {channels} is neither 1 (mono) nor 2 (stereo)")
        if not block_seconds > 0:
            raise FourfloorError(f"block_seconds {block_seconds} is not positive")
        self.info = probe(path)
        self.sample_rate = sample_rate
        self.channels = channels
        self.block_seconds = block_seconds
        self.repairs: list[str] = []

    def __iter__(self) -> Iterator[np.ndarray]:
        self.repairs.clear()
        mixed = (mix(chunk, self.channels, self.info.container) for chunk in self._chunks())
        centered = without_offset(mixed, self.info.sample_rate, self.repairs)
        resampled = _resampled(centered, self.info.sample_rate, self.sample_rate, self.channels)
        return _blocks(resampled, max(1, round(self.block_seconds * self.sample_rate)))

    def _chunks(self) -> Iterator[np.ndarray]:
        """Yield sound chunks `(frames, file's channels)`, then record what was missing or wrong."""
        frames = bad = 0
        with opened(self.info.path) as (info, file):
            total = info.frames or MAX_SAMPLES // info.channels
            stopped = ""
            while not stopped and frames < total:
                chunk, stopped = _read_chunk(file, info.channels, total - frames)
                frames += len(chunk)
                bad += _silence_bad(chunk)
                if bad > _MAX_BAD_SHARE * total * info.channels:
                    break
                if len(chunk):
                    yield chunk
            cut = _cut(info, file, frames, stopped)
        if frames == 0:
            raise AudioError(info.path, f"nothing could be decoded ({stopped or 'no audio'}); {CONVERT}")
        if bad > _MAX_BAD_SHARE * frames * info.channels:
            share = 100 * bad / (frames * info.channels)
            raise AudioError(info.path, f"{share:.0f} % of the samples are NaN or beyond +24 dBFS; {CONVERT}")
        if not info.frames and frames >= total:
            raise AudioError(info.path, f"is longer than 4 h of 48 kHz stereo; split it or {CONVERT}")
        self.repairs += [cut] if cut else []
        self.repairs += [f"{bad} samples NaN or beyond +24 dBFS, silenced"] if bad else []


def decode(path: PathLike, sample_rate: int = SAMPLE_RATE, channels: int = 2, max_seconds: float = 1200) -> np.ndarray:
    """Return a whole file `(channels, samples)`; raise AudioError where it is longer than `max_seconds`."""
    stream = AudioStream(path, sample_rate, channels)
    too_long = AudioError(path, f"is longer than {max_seconds:g} s; read it in blocks or cut it")
    if stream.info.seconds > max_seconds:
        raise too_long
    # Untouched pages cost nothing, so an unknown length may reserve the most.
    room = int((stream.info.seconds or max_seconds) * sample_rate) + 2
    waveform = np.empty((channels, room), np.float32)
    samples = 0
    for block in stream:
        if samples + block.shape[1] > room:
            raise too_long
        waveform[:, samples : samples + block.shape[1]] = block
        samples += block.shape[1]
    return np.ascontiguousarray(waveform[:, :samples])


def _read_chunk(file: Any, channels: int, remaining: int) -> tuple[np.ndarray, str]:
    """Read about a second `(frames, channels)`; say why the file stops, where it does."""
    import soundfile

    chunk = np.empty((min(remaining, max(_READ_FRAMES, _CHUNK_SAMPLES // channels)), channels), np.float32)
    filled, stopped = 0, ""
    with quiet_mpg123() if file.format == "MP3" else contextlib.nullcontext():
        while filled < len(chunk) and not stopped:
            try:
                read = len(file.read(out=chunk[filled : filled + _READ_FRAMES]))
            except soundfile.LibsndfileError as error:
                read, stopped = 0, one_line(error).rstrip(".")
            filled += read
            stopped = stopped or ("" if read else "end of data")
    return chunk[:filled], stopped


def _silence_bad(chunk: np.ndarray) -> int:
    """Set NaN, infinite and implausibly large samples to 0 in place; return their number."""
    if len(chunk) == 0 or (chunk.max() <= PEAK_LIMIT and chunk.min() >= -PEAK_LIMIT):
        return 0
    with np.errstate(invalid="ignore"):
        bad = ~(np.abs(chunk) <= PEAK_LIMIT)
    chunk[bad] = 0.0
    return int(bad.sum())


def _cut(info: AudioInfo, file: Any, frames: int, stopped: str) -> str:
    """Say how much of the claimed length was there; nothing where all was (within 20 ms, as codecs pad)."""
    seconds, ended = frames / info.sample_rate, True
    with os.fdopen(os.dup(file.name), "rb") as raw:
        claimed = info.seconds * claimed_over_present(raw)
        if info.container == "OGG":
            last, ended = last_page(raw, info.sample_rate)
            # libsndfile takes a damaged first page for a stream that was joined late. A page holds seconds;
            # what begins further on was joined late indeed, and lacks nothing.
            claimed = last if 0 < last - claimed < 10 else claimed
        elif info.container == "MP3":
            # Up to three frames more are the tag itself, the decoder's delay and the encoder's padding.
            counted = frame_seconds(raw)
            claimed = counted if counted - claimed > 4 * 1152 / info.sample_rate else claimed
    if claimed - seconds > 0.02:
        return f"cut short: {seconds:.2f} s of {claimed:.2f} s claimed"
    if not ended:
        return f"cut short: {seconds:.2f} s, without the last page"
    if not info.frames and stopped != "end of data":
        return f"cut short: {seconds:.2f} s, then {stopped}"
    return ""


def _resampled(chunks: Iterable[np.ndarray], from_rate: int, to_rate: int, channels: int) -> Iterator[np.ndarray]:
    """Resample chunks `(frames, channels)` as one continuous signal."""
    if from_rate == to_rate:
        yield from chunks
        return
    import soxr

    stream = soxr.ResampleStream(from_rate, to_rate, channels, dtype="float32")
    for chunk in chunks:
        yield stream.resample_chunk(chunk)
    yield stream.resample_chunk(np.zeros((0, channels), np.float32), last=True)


def _blocks(chunks: Iterable[np.ndarray], samples: int) -> Iterator[np.ndarray]:
    """Regroup chunks `(frames, channels)` into blocks `(channels, samples)`; the last may be shorter."""
    waiting: list[np.ndarray] = []
    for chunk in chunks:
        waiting.append(chunk)
        if sum(map(len, waiting)) >= samples:
            joined = np.concatenate(waiting)
            whole = len(joined) // samples * samples
            for start in range(0, whole, samples):
                yield joined[start : start + samples].T.copy(order="C")
            waiting = [joined[whole:]]
    if sum(map(len, waiting)):
        yield np.concatenate(waiting).T.copy(order="C")
