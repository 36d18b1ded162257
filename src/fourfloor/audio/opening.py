"""A path -> an open audio file that was judged legal, by its header alone.

In: any path at all. Out: what the headers of its streams say and a libsndfile handle for each, or one line that says
why not. The limits are on samples, rate and channels, so that no header can ask for more memory or time than four hours
of music.
"""

import contextlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fourfloor.audio.files import AudioError, PathLike, file_kind, one_line
from fourfloor.audio.flac_streams import flac_streams
from fourfloor.audio.kinds import CONVERT, FLAC, MPEG, OGG, PLAIN, conversion, recognize
from fourfloor.audio.lengths import sized_streams
from fourfloor.audio.mpeg import mpeg_streams
from fourfloor.audio.ogg import ogg_streams
from fourfloor.audio.pieces import MAX_STREAMS, Pieces, Stream
from fourfloor.reading import OPEN_FLAGS

MIN_RATE, MAX_RATE, MAX_CHANNELS = 4_000, 384_000, 32
# 4 h of 48 kHz stereo. A 4.5 MB FLAC can ask for 62 GiB: samples are limited, not bytes.
# On Windows descriptors belong to one C runtime, and libsndfile may use another than Python: it reads through Python.
ON_WINDOWS = hasattr(os, "O_BINARY")
MAX_SAMPLES = 4 * 3600 * 48_000 * 2
MAX_SECONDS = 8 * 3600.0
# 4 h of FLAC at 48 kHz and 24 bits are less; files that are read through to find their streams must end soon.
MAX_CODED_BYTES = 3_000_000_000


@dataclass(frozen=True, kw_only=True)
class AudioInfo:
    """Hold what a file's header says; `frames` is 0 where it does not tell the length.

    Of a file that joins several streams, the first decides; `frames` counts all of them at its rate.
    """

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

    @property
    def lossless(self) -> bool:
        """Return whether the samples are those that were saved: no codec left anything out."""
        return self.subtype.startswith(("PCM", "FLOAT", "DOUBLE", "ALAC"))


class OpenFile:
    """Hold an open file: what it claims as a whole, and its streams in order, each with its own claim."""

    def __init__(self, path: PathLike, descriptor: int, streams: list[Stream]) -> None:
        self._path, self._descriptor = path, descriptor
        self.streams: list[tuple[Stream, AudioInfo]] = []
        self.unread = 0
        for stream in streams:
            try:
                with self.decoder(stream) as file:
                    self.streams.append((stream, _judged(path, file, stream)))
            except AudioError:
                if not self.streams:
                    raise
                self.unread += 1
        self.info = _joined(path, [info for _, info in self.streams])

    @contextlib.contextmanager
    def decoder(self, stream: Stream) -> Iterator[Any]:
        """Open one stream with libsndfile, and close it."""
        import soundfile

        class Sequential(soundfile.SoundFile):
            # soundfile seeks after each read of a seekable file; in a damaged FLAC that seek fails and loses the read.
            def seekable(self) -> bool:
                return False

        pieces = stream.pieces
        if ON_WINDOWS and not pieces:
            pieces = ((0, os.fstat(self._descriptor).st_size),)
        source = Pieces(self._descriptor, pieces) if pieces else self._descriptor
        if not pieces:
            os.lseek(self._descriptor, 0, os.SEEK_SET)
        try:
            with quiet_mpg123():
                file = Sequential(source, closefd=False)
        except (soundfile.LibsndfileError, TypeError) as error:
            reason = one_line(error).rpartition(": ")[2].rstrip(".")
            convert = f"if a player plays it, convert it: {conversion(self._path)}"
            raise AudioError(self._path, f"no audio that can be decoded ({reason}); {convert}") from None
        with file:
            yield file


def probe(path: PathLike) -> AudioInfo:
    """Return what the header says; raise AudioError where the file is not audio or beyond the limits."""
    with opened(path) as file:
        return file.info


@contextlib.contextmanager
def opened(path: PathLike) -> Iterator[OpenFile]:
    """Open a file by descriptor, judge its headers, and close it.

    A descriptor tells libsndfile neither name nor folder: no guess by extension, no resource fork, no other file.
    """
    try:
        descriptor = os.open(path, OPEN_FLAGS)
    except (OSError, ValueError) as error:
        raise AudioError(path, f"cannot be opened ({one_line(error)}); check the path and permissions") from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            name = "the files in it" if stat.S_ISDIR(status.st_mode) else "a regular file"
            raise AudioError(path, f"is {file_kind(status.st_mode)}, not an audio file; name {name}")
        try:
            file = OpenFile(path, descriptor, _streams(path, descriptor))
        except OSError as error:
            raise AudioError(path, f"cannot be read ({one_line(error)}); check the file and its disk") from None
        yield file
    finally:
        os.close(descriptor)


def _streams(path: PathLike, descriptor: int) -> list[Stream]:
    """Find the streams of a file, by its content alone."""
    with os.fdopen(os.dup(descriptor), "rb") as file:
        kind = recognize(path, file)
        if kind != PLAIN and file.seek(0, os.SEEK_END) > MAX_CODED_BYTES:
            raise AudioError(path, f"is larger than {MAX_CODED_BYTES / 1e9:g} GB; split it")
        find = {OGG: ogg_streams, MPEG: mpeg_streams, FLAC: flac_streams, PLAIN: sized_streams}[kind]
        try:
            streams = find(file)
        except ValueError as error:
            raise AudioError(path, str(error)) from None
    if len(streams) > MAX_STREAMS:
        raise AudioError(path, f"joins more than {MAX_STREAMS} streams; split it")
    return streams


def _judged(path: PathLike, file: Any, stream: Stream) -> AudioInfo:
    """Return the header of an open stream; raise AudioError beyond the limits on rate, channels and length."""
    unknown = file.frames >= 1 << 62  # how libsndfile says that a FLAC header tells no length
    info = AudioInfo(
        path=Path(path),
        container=file.format,
        subtype=file.subtype,
        sample_rate=file.samplerate,
        channels=file.channels,
        frames=round(stream.seconds * file.samplerate) if unknown else file.frames,
    )
    if not MIN_RATE <= info.sample_rate <= MAX_RATE:
        raise AudioError(path, f"sample rate {info.sample_rate} Hz is outside {MIN_RATE}-{MAX_RATE}; {CONVERT}")
    if not 1 <= info.channels <= MAX_CHANNELS:
        raise AudioError(path, f"{info.channels} channels are outside 1-{MAX_CHANNELS}; mix it down")
    if info.frames <= 0 and not unknown:
        raise AudioError(path, "has a header but no audio; remove it or fetch it again")
    return info


def _joined(path: PathLike, streams: list[AudioInfo]) -> AudioInfo:
    """Return what a file claims as a whole; raise AudioError where that is too long."""
    first = streams[0]
    known = all(info.frames for info in streams)
    seconds = sum(info.seconds for info in streams)
    if sum(info.frames * info.channels for info in streams) > MAX_SAMPLES or seconds > MAX_SECONDS:
        claim = f"{seconds / 3600:.1f} h x {first.channels} channels"
        raise AudioError(path, f"claims {claim}, beyond 4 h of 48 kHz stereo; split it")
    frames = first.frames if len(streams) == 1 else round(seconds * first.sample_rate)
    return replace(first, frames=frames if known else 0)


@contextlib.contextmanager
def quiet_mpg123() -> Iterator[None]:
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
