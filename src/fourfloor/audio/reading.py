"""Audio files -> waveforms in blocks, at one rate and channel count, in bounded memory.

In: WAV, FLAC, OGG, Opus, MP3, AIFF (also RF64, W64, CAF) of any depth, 4-384 kHz, 1-32 channels. Out: float32 blocks
`(channels, samples)`, and in words what had to be repaired. What a header claims is compared with what is decoded:
broken files rarely fail, they come out silently short or full of garbage. Downmix after ITU-R BS.775-4.
"""

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fourfloor.audio.files import AudioError, PathLike, file_kind, one_line
from fourfloor.audio.riff import claimed_frames

SAMPLE_RATE = 44_100
MIN_RATE, MAX_RATE, MAX_CHANNELS = 4_000, 384_000, 32
# 4 h of 48 kHz stereo. A 4.5 MB FLAC can ask for 62 GiB: samples are limited, not bytes.
MAX_SAMPLES = 4 * 3600 * 48_000 * 2
MAX_SECONDS = 8 * 3600.0
# +24 dBFS: no mix is that hot, but a broken float or Vorbis file easily is.
PEAK_LIMIT = 16.0
_MAX_BAD_SHARE = 0.01
_OFFSET_SECONDS, _MIN_OFFSET = 10.0, 0.02
# A damaged FLAC loses the rest of the read it breaks in; one FLAC block a read keeps nearly all that is whole.
_READ_FRAMES = 4096
_CHUNK_SAMPLES = 1 << 17
_CONVERT = "export it again as WAV or FLAC"


@dataclass(frozen=True, kw_only=True)
class AudioInfo:
    """Hold what a file's header says; `frames` is 0 where it does not tell the length."""

    path: Path
    container: str
    subtype: str
    sample_rate: int
    channels: int
    frames: int

    @property
    def seconds(self) -> float:
        """Return the length that the header claims, 0 where it claims none."""
        return self.frames / self.sample_rate


def probe(path: PathLike) -> AudioInfo:
    """Return what the header says; raise AudioError where the file is no audio or beyond the limits."""
    with _opened(path) as (info, _):
        return info


class AudioStream:
    """Read a file as float32 blocks `(channels, samples)` at `sample_rate`, `block_seconds` long but for the last.

    Each iteration starts anew and gives the same bytes. `repairs` is filled while iterating. Raise AudioError where
    the file is no audio or, at the latest after the last block, where too little of it was sound: what the blocks
    were made into is then to be dropped.
    """

    def __init__(
        self, path: PathLike, sample_rate: int = SAMPLE_RATE, channels: int = 2, block_seconds: float = 10.0
    ):
        if not MIN_RATE <= sample_rate <= MAX_RATE:
            raise ValueError(f"sample_rate {sample_rate} is outside {MIN_RATE}-{MAX_RATE} Hz; use 44100")
        if channels not in (1, 2):
            raise ValueError(f"channels {channels} is neither 1 (mono) nor 2 (stereo)")
        if not block_seconds > 0:
            raise ValueError(f"block_seconds {block_seconds} is not positive")
        self.info = probe(path)
        self.sample_rate = sample_rate
        self.channels = channels
        self.block_seconds = block_seconds
        self.repairs: list[str] = []

    def __iter__(self) -> Iterator[np.ndarray]:
        self.repairs.clear()
        mixed = (mix(chunk, self.channels, self.info.container) for chunk in self._chunks())
        centered = _without_offset(mixed, self.info.sample_rate, self.repairs)
        resampled = _resampled(centered, self.info.sample_rate, self.sample_rate, self.channels)
        return _blocks(resampled, max(1, round(self.block_seconds * self.sample_rate)))

    def _chunks(self) -> Iterator[np.ndarray]:
        """Yield sound chunks `(frames, file's channels)`, then record what was missing or wrong."""
        frames = bad = 0
        with _opened(self.info.path) as (info, file):
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
            raise AudioError(info.path, f"nothing could be decoded ({stopped or 'no audio'}); {_CONVERT}")
        if bad > _MAX_BAD_SHARE * frames * info.channels:
            share = 100 * bad / (frames * info.channels)
            raise AudioError(info.path, f"{share:.0f} % of the samples are NaN or beyond +24 dBFS; {_CONVERT}")
        if not info.frames and frames >= total:
            raise AudioError(info.path, f"is longer than 4 h of 48 kHz stereo; split it or {_CONVERT}")
        self.repairs += [cut] if cut else []
        self.repairs += [f"{bad} samples NaN or beyond +24 dBFS, silenced"] if bad else []


def decode(
    path: PathLike, sample_rate: int = SAMPLE_RATE, channels: int = 2, max_seconds: float = 1200
) -> np.ndarray:
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


def mix(chunk: np.ndarray, channels: int, container: str = "WAV") -> np.ndarray:
    """Mix `(frames, any channels)` to `(frames, 1 or 2)`; each side's gains sum to 1, so nothing clips anew."""
    given = chunk.shape[1]
    if given == channels:
        return chunk
    if given == 1:
        return np.repeat(chunk, channels, axis=1)
    gains = _stereo_gains(given, container)
    if channels == 1:
        gains = gains.mean(axis=1, keepdims=True)
    mixed = np.zeros((len(chunk), channels), np.float32)
    for source, side in zip(*np.nonzero(gains), strict=True):  # no matrix product: its sums differ between machines
        mixed[:, side] += np.float32(gains[source, side]) * chunk[:, source]
    return mixed


def _stereo_gains(channels: int, container: str) -> np.ndarray:
    """Return the gains `(channels, 2)` to left and right; the low-frequency channel is left out, as BS.775 has it."""
    wave = {2: "LR", 3: "LRC", 4: "LRlr", 5: "LRClr", 6: "LRC.lr", 7: "LRC.clr", 8: "LRC.lrlr"}
    # Vorbis I specification, 4.3.9; Opus uses the same order (RFC 7845, 5.1.1.2).
    vorbis = {3: "LCR", 5: "LCRlr", 6: "LCRlr.", 7: "LCRlrc.", 8: "LCRlrlr."}
    layout = (vorbis if container == "OGG" else {}).get(channels) or wave.get(channels) or "C" * channels
    half = 0.5**0.5
    sides = {"L": (1, 0), "R": (0, 1), "C": (half, half), "l": (half, 0), "r": (0, half), "c": (0.5, 0.5), ".": (0, 0)}
    gains = np.array([sides[letter] for letter in layout], np.float64)
    return gains / gains.sum(axis=0)


@contextlib.contextmanager
def _opened(path: PathLike) -> Iterator[tuple[AudioInfo, Any]]:
    """Open a file by descriptor, judge its header, and close it.

    A descriptor tells libsndfile neither name nor folder: no guess by extension, no resource fork, no other file.
    """
    import soundfile

    class Sequential(soundfile.SoundFile):
        # soundfile seeks after each read of a seekable file; in a damaged FLAC that seek fails and loses the read.
        def seekable(self) -> bool:
            return False

    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise AudioError(path, f"cannot be opened ({one_line(error)}); check the path and permissions") from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise AudioError(path, f"is {file_kind(status.st_mode)}, not an audio file; name a regular file")
        _check_magic(path, os.pread(descriptor, 16, 0))
        try:
            with _quiet_mpg123():
                file = Sequential(descriptor, closefd=False)
        except (soundfile.LibsndfileError, TypeError) as error:
            reason = one_line(error).rpartition(": ")[2].rstrip(".")
            raise AudioError(path, f"no audio that can be decoded ({reason}); {_CONVERT}") from None
        with file:
            yield _judged(path, file), file
    finally:
        os.close(descriptor)


def _check_magic(path: PathLike, head: bytes) -> None:
    """Refuse what does not begin like a known audio file: libsndfile knows 25 formats, most of them little tested."""
    if not head:
        raise AudioError(path, "is empty; remove it or fetch it again")
    known = (b"RIFF", b"RIFX", b"RF64", b"FORM", b"fLaC", b"OggS", b"riff\x2e\x91\xcf\x11", b"caff", b"ID3")
    mpeg = len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0
    if not (head.startswith(known) or mpeg):
        raise AudioError(path, "is not audio (WAV, FLAC, OGG, Opus, MP3, AIFF); remove it or convert it")


def _judged(path: PathLike, file: Any) -> AudioInfo:
    """Return the header of an open file; raise AudioError beyond the limits on rate, channels and length."""
    unknown = file.frames >= 1 << 62  # how libsndfile says that a FLAC header tells no length
    info = AudioInfo(
        path=Path(path),
        container=file.format,
        subtype=file.subtype,
        sample_rate=file.samplerate,
        channels=file.channels,
        frames=0 if unknown else file.frames,
    )
    if not MIN_RATE <= info.sample_rate <= MAX_RATE:
        raise AudioError(path, f"sample rate {info.sample_rate} Hz is outside {MIN_RATE}-{MAX_RATE}; {_CONVERT}")
    if not 1 <= info.channels <= MAX_CHANNELS:
        raise AudioError(path, f"{info.channels} channels are outside 1-{MAX_CHANNELS}; mix it down")
    if info.frames <= 0 and not unknown:
        raise AudioError(path, "has a header but no audio; remove it or fetch it again")
    if info.frames * info.channels > MAX_SAMPLES or info.seconds > MAX_SECONDS:
        claim = f"{info.seconds / 3600:.1f} h x {info.channels} channels"
        raise AudioError(path, f"claims {claim}, beyond 4 h of 48 kHz stereo; split it")
    return info


def _read_chunk(file: Any, channels: int, remaining: int) -> tuple[np.ndarray, str]:
    """Read about a second `(frames, channels)`; say why the file stops, where it does."""
    import soundfile

    chunk = np.empty((min(remaining, max(_READ_FRAMES, _CHUNK_SAMPLES // channels)), channels), np.float32)
    filled, stopped = 0, ""
    with _quiet_mpg123() if file.format == "MP3" else contextlib.nullcontext():
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
    descriptor = os.dup(file.name)
    with os.fdopen(descriptor, "rb") as raw:
        claimed = max(info.frames, claimed_frames(raw) or 0)
        open_end = info.container == "OGG" and not _ends_ogg(raw)
    seconds, claimed_seconds = frames / info.sample_rate, claimed / info.sample_rate
    if claimed_seconds - seconds > 0.02:
        return f"cut short: {seconds:.2f} s of {claimed_seconds:.2f} s claimed"
    if open_end:
        return f"cut short: {seconds:.2f} s, without the last page"
    if not info.frames and stopped != "end of data":
        return f"cut short: {seconds:.2f} s, then {stopped}"
    return ""


def _ends_ogg(raw: Any) -> bool:
    """Tell whether the last page of an Ogg file has the end-of-stream flag (RFC 3533, section 6)."""
    raw.seek(max(0, raw.seek(0, os.SEEK_END) - 131_072))  # a page is at most 65,307 bytes
    tail = raw.read()
    page = tail.rfind(b"OggS")
    return page >= 0 and len(tail) > page + 5 and bool(tail[page + 5] & 4)


def _without_offset(chunks: Iterable[np.ndarray], sample_rate: int, repairs: list[str]) -> Iterator[np.ndarray]:
    """Subtract a constant offset, where the first ten seconds have one in each of their pieces.

    A filter would turn the phase of the low end of every file; a constant leaves sound files untouched to the bit.
    """
    source = iter(chunks)
    head: list[np.ndarray] = []
    while sum(map(len, head)) < _OFFSET_SECONDS * sample_rate and (chunk := next(source, None)) is not None:
        head.append(chunk)
    if not head:
        return
    start = np.concatenate(head)
    pieces = np.array([piece.mean(axis=0, dtype=np.float64) for piece in np.array_split(start, 10) if len(piece)])
    offset = np.median(pieces, axis=0)
    steady = (pieces * np.sign(offset)).min(axis=0) > np.abs(offset) / 2
    offset = np.where(steady & (np.abs(offset) > _MIN_OFFSET), offset, 0.0).astype(np.float32)
    if not offset.any():
        yield start
        yield from source
        return
    repairs.append("DC offset removed: " + ", ".join(f"{value:+.3f}" for value in offset))
    yield start - offset
    for chunk in source:
        yield chunk - offset


def _resampled(
    chunks: Iterable[np.ndarray], from_rate: int, to_rate: int, channels: int
) -> Iterator[np.ndarray]:
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
    length = 0
    for chunk in chunks:
        waiting.append(chunk)
        length += len(chunk)
        while length >= samples:
            joined = np.concatenate(waiting)
            yield np.ascontiguousarray(joined[:samples].T)
            waiting, length = [joined[samples:]], length - samples
    if length:
        yield np.ascontiguousarray(np.concatenate(waiting).T)


@contextlib.contextmanager
def _quiet_mpg123() -> Iterator[None]:
    """Keep libmpg123 from writing warnings on broken MP3 files to standard error, past our one line."""
    try:
        saved = os.dup(2)
    except OSError:  # there is no standard error to keep clean
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
