"""Audio files -> waveforms in blocks, at one rate and channel count, in bounded memory.

In: WAV, FLAC, OGG, Opus, MP3, AIFF (also RF64, W64, CAF) of any depth, 4-384 kHz, 1-32 channels. Out: float32 blocks
`(channels, samples)`, and in words what had to be repaired. What a header claims is compared with what is decoded:
broken files rarely fail, they come out silently short or full of garbage.
"""

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from fourfloor.audio.balance import Balance
from fourfloor.audio.claims import MAX_BAD_SHARE, Tally
from fourfloor.audio.files import AudioError, PathLike, one_line
from fourfloor.audio.mixing import mix, without_offset
from fourfloor.audio.opening import (
    MAX_RATE,
    MAX_SAMPLES,
    MIN_RATE,
    AudioInfo,
    OpenFile,
    opened,
    probe,
    quiet_mpg123,
)
from fourfloor.audio.pieces import Stream
from fourfloor.errors import FourfloorError

SAMPLE_RATE = 44_100

# +24 dBFS: no mix is that hot, but a broken float or Vorbis file easily is.
PEAK_LIMIT = 16.0
# A damaged FLAC loses the rest of the read it breaks in; one FLAC block a read keeps nearly all that is whole.
_READ_FRAMES = 4096
_CHUNK_SAMPLES = 1 << 17


class AudioStream:
    """Read a file as float32 blocks `(channels, samples)` at `sample_rate`, `block_seconds` long but for the last.

    Each iteration starts again and gives the same bytes. `repairs` is filled while iterating, and so is
    `lost`: those of them after which samples are not what was recorded. Raise AudioError where
    the file is not audio or, at the latest after the last block, where too little of it was sound: what the blocks
    were made into is then to be dropped. After an iteration `cancels` tells whether left and right cancel in mono; the
    same file with `right_inverted` has the right channel inverted, in which case they do not.

    With `exact` a constant offset stays: at the file's own rate and channels the samples are those of the file.
    """

    def __init__(
        self,
        path: PathLike,
        sample_rate: int = SAMPLE_RATE,
        channels: int = 2,
        block_seconds: float = 10.0,
        right_inverted: bool = False,
        exact: bool = False,
    ):
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
        self.lost: list[str] = []
        self.right_inverted = right_inverted
        self.exact = exact
        self.cancels = False

    def __iter__(self) -> Iterator[np.ndarray]:
        self.repairs.clear()
        mixed = (mix(chunk, self.channels) for chunk in self._balanced())
        centered = mixed if self.exact else without_offset(mixed, self.info.sample_rate, self.repairs)
        resampled = _resampled(centered, self.info.sample_rate, self.sample_rate, self.channels)
        return _blocks(resampled, max(1, round(self.block_seconds * self.sample_rate)))

    def _balanced(self) -> Iterator[np.ndarray]:
        """Yield the chunks and compare their channels."""
        balance = Balance(self.right_inverted)
        yield from balance.measured(self._chunks())
        self.cancels = balance.cancels
        self.repairs += balance.notes()

    def _chunks(self) -> Iterator[np.ndarray]:
        """Yield sound chunks `(frames, 1 or 2)` at the file's rate, then record what was missing or wrong."""
        tally = Tally()
        with opened(self.info.path) as file:
            channels = min(2, file.info.channels)
            for number, (stream, info) in enumerate(file.streams, 1):
                place = f" in stream {number} of {len(file.streams)}" if len(file.streams) > 1 else ""
                chunks = _decoded(file, stream, info, tally, place)
                folded = (mix(mix(chunk, min(2, info.channels), info.container), channels) for chunk in chunks)
                yield from _resampled(folded, info.sample_rate, file.info.sample_rate, channels)
            self.repairs += tally.judged(file)
            self.lost = tally.lost


def _decoded(file: OpenFile, stream: Stream, info: AudioInfo, tally: Tally, place: str) -> Iterator[np.ndarray]:
    """Yield the chunks `(frames, its channels)` of one stream, bad samples silenced, and count them."""
    frames, tally.stopped = 0, ""
    with file.decoder(stream) as decoder:
        # One frame beyond the limit is enough to know; libsndfile gives an absurd number where it knows none.
        total = min(decoder.frames, (MAX_SAMPLES - tally.samples) // info.channels + 1)
        while not tally.stopped and frames < total:
            chunk, tally.stopped = _read_chunk(decoder, info.channels, total - frames, info.frames - frames)
            frames += len(chunk)
            tally.samples += chunk.size
            tally.bad += _silence_bad(chunk)
            if tally.bad > MAX_BAD_SHARE * min(MAX_SAMPLES, (info.frames or total) * info.channels):
                return
            if len(chunk):
                yield chunk
    tally.compare(stream, info, frames, place)


def decode(
    path: PathLike,
    sample_rate: int = SAMPLE_RATE,
    channels: int = 2,
    max_seconds: float = 1200,
    exact: bool = False,
) -> np.ndarray:
    """Return a whole file `(channels, samples)`; raise AudioError where it is longer than `max_seconds`.

    With `exact` raise AudioError, too, where a sample would have to be silenced or is missing.
    """
    stream = AudioStream(path, sample_rate, channels, exact=exact)
    too_long = AudioError(path, f"is longer than {max_seconds:g} s; read it in blocks or cut it")
    if stream.info.seconds > max_seconds:
        raise too_long
    # Untouched pages cost nothing, so room for more than is claimed is free.
    room = int(max_seconds * sample_rate) + 2
    waveform = np.empty((channels, room), np.float32)
    samples = 0
    for block in stream:
        if samples + block.shape[1] > room:
            raise too_long
        waveform[:, samples : samples + block.shape[1]] = block
        samples += block.shape[1]
    if exact and stream.lost:
        raise AudioError(path, f"{'; '.join(stream.lost)}; export it again as WAV or FLAC")
    return np.ascontiguousarray(waveform[:, :samples])


def _read_chunk(file: Any, channels: int, remaining: int, claimed: int) -> tuple[np.ndarray, str]:
    """Read about a second `(frames, channels)`; say why the file stops, where it does.

    No read goes beyond the frames that are `claimed`: what follows them, a tag, would break it and lose its beginning.
    """
    import soundfile

    chunk = np.empty((min(remaining, max(_READ_FRAMES, _CHUNK_SAMPLES // channels)), channels), np.float32)
    filled, stopped = 0, ""
    with quiet_mpg123() if file.format == "MP3" else contextlib.nullcontext():
        while filled < len(chunk) and not stopped:
            try:
                count = min(_READ_FRAMES, claimed - filled) if claimed > filled else _READ_FRAMES
                read = len(file.read(out=chunk[filled : filled + count]))
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
