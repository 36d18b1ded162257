"""A path -> an open audio file that was judged legal, by its header alone.

In: any path at all. Out: what the header says and a libsndfile handle, or one line that says why not. The limits are on
samples, rate and channels, so that no header can ask for more memory or time than four hours of music.
"""

import contextlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fourfloor.audio.files import AudioError, PathLike, file_kind, one_line

MIN_RATE, MAX_RATE, MAX_CHANNELS = 4_000, 384_000, 32
# 4 h of 48 kHz stereo. A 4.5 MB FLAC can ask for 62 GiB: samples are limited, not bytes.
MAX_SAMPLES = 4 * 3600 * 48_000 * 2
MAX_SECONDS = 8 * 3600.0
CONVERT = "export it again as WAV or FLAC"


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
    with opened(path) as (info, _):
        return info


@contextlib.contextmanager
def opened(path: PathLike) -> Iterator[tuple[AudioInfo, Any]]:
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
            with quiet_mpg123():
                file = Sequential(descriptor, closefd=False)
        except (soundfile.LibsndfileError, TypeError) as error:
            reason = one_line(error).rpartition(": ")[2].rstrip(".")
            raise AudioError(path, f"no audio that can be decoded ({reason}); {CONVERT}") from None
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
        raise AudioError(path, f"sample rate {info.sample_rate} Hz is outside {MIN_RATE}-{MAX_RATE}; {CONVERT}")
    if not 1 <= info.channels <= MAX_CHANNELS:
        raise AudioError(path, f"{info.channels} channels are outside 1-{MAX_CHANNELS}; mix it down")
    if info.frames <= 0 and not unknown:
        raise AudioError(path, "has a header but no audio; remove it or fetch it again")
    if info.frames * info.channels > MAX_SAMPLES or info.seconds > MAX_SECONDS:
        claim = f"{info.seconds / 3600:.1f} h x {info.channels} channels"
        raise AudioError(path, f"claims {claim}, beyond 4 h of 48 kHz stereo; split it")
    return info


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
