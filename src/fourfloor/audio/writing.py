"""Waveforms -> loops on disk, as sample packs have them; and their tags back.

In: a loop `(channels, samples)` in [-1, 1] and its tags. Out: a 24-bit PCM WAV with tempo (`acid`), loop points
(`smpl`), text (LIST/INFO), and tempo and text once more as ID3. The same input gives the same bytes, and a failure
leaves nothing behind.
"""

import os
import re
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fourfloor.audio.files import AudioError, PathLike, one_line
from fourfloor.audio.id3 import pack_id3
from fourfloor.audio.mixing import mix
from fourfloor.audio.riff import chunks, pack_acid, pack_chunk, pack_info, pack_smpl, unpack_info
from fourfloor.reading import OPEN_FLAGS
from fourfloor.saving import SavingError, save_file

_FULL_SCALE = 1 << 23
_MAX_CHUNK_READ = 1 << 20
_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


@dataclass(frozen=True, kw_only=True)
class LoopTags:
    """Hold what a loop file says of itself; `key` like "Amin" or "F#maj", `comment` JSON text."""

    bpm: float
    bars: int
    title: str = ""
    key: str | None = None
    comment: str = ""
    software: str = ""


def write_loop(
    path: PathLike,
    waveform: np.ndarray,
    tags: LoopTags | None,
    sample_rate: int = 44_100,
    channels: int | None = None,
) -> None:
    """Write a loop as 24-bit PCM WAV and read it back; `channels=2` writes a mono loop as stereo.

    Without tags the file holds the audio and nothing else.

    Rounded without dither: the error is below -144 dBFS, under any converter's noise, and silence stays silent.
    Raise FourfloorError for samples beyond [-1, 1] or tags that do not fit, AudioError where the disk refuses.
    """
    if channels is not None and np.ndim(waveform) == 2:
        waveform = mix(np.asarray(waveform).T, channels).T
    content = wave_bytes(path, waveform, tags, sample_rate)
    try:
        save_file(Path(path), content)
    except SavingError as error:
        raise AudioError(path, error.reason) from None


def read_tags(path: PathLike) -> LoopTags | None:
    """Return the tags of a WAV that names a loop's tempo; None where it names none."""
    content: dict[bytes, bytes] = {}
    try:
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | OPEN_FLAGS)) as file:
            for name, offset, size in chunks(file):
                if name in (b"acid", b"LIST") and size <= _MAX_CHUNK_READ:
                    file.seek(offset)
                    content[name] = file.read(size)
    except (OSError, ValueError) as error:
        raise AudioError(path, f"cannot be read ({one_line(error)}); check the path and permissions") from None
    if len(content.get(b"acid", b"")) < 24:
        return None
    flags, _, _, _, beats, _, meter, bpm = struct.unpack_from("<IHHfIHHf", content[b"acid"])
    if flags & 1 or not 0 < bpm < 1000 or not 0 < beats < 1 << 16 or meter == 0:  # a one-shot, or not filled in
        return None
    texts = unpack_info(content.get(b"LIST", b""))
    return LoopTags(
        bpm=_shortest(bpm),
        bars=max(1, beats // meter),
        title=texts.get(b"INAM", ""),
        key=texts.get(b"IKEY") or None,
        comment=texts.get(b"ICMT", ""),
        software=texts.get(b"ISFT", ""),
    )


def wave_bytes(path: PathLike, waveform: np.ndarray, tags: LoopTags | None, sample_rate: int) -> bytes:
    """Return the whole file; `path` is for messages.

    The chunks that few programs know come after the audio, where none stumbles.
    """
    waveform = np.asarray(waveform)
    if waveform.ndim != 2 or not 1 <= len(waveform) <= 2 or waveform.shape[1] == 0:
        raise AudioError(path, f"a waveform of shape {waveform.shape} is not (1 or 2 channels, samples)")
    if not np.abs(waveform).max() <= 1.0:  # also NaN
        raise AudioError(path, "the waveform is beyond [-1, 1] or not finite; normalize it first")
    channels, frames = waveform.shape
    form = struct.pack("<HHIIHH", 1, channels, sample_rate, sample_rate * channels * 3, channels * 3, 24)
    body = pack_chunk(b"fmt ", form) + pack_chunk(b"data", _pcm24(waveform))
    if tags is not None:
        body += _tag_chunks(path, tags, frames, sample_rate)
    if len(body) > 0xFFFFFFF0:
        raise AudioError(path, "more than 4 GB do not fit a WAV; write a shorter loop")
    return pack_chunk(b"RIFF", b"WAVE" + body)


def _tag_chunks(path: PathLike, tags: LoopTags, frames: int, sample_rate: int) -> bytes:
    """Return the chunks of tempo, loop points and text; ID3 last, after all that older readers know."""
    if not (0 < tags.bpm < 1000 and 0 < tags.bars < 1 << 14):
        raise AudioError(
            path, f"{tags.bpm:g} BPM over {tags.bars} bars is out of range; give up to 1000 BPM and 16383 bars"
        )
    texts = {b"INAM": tags.title, b"IKEY": tags.key or "", b"ICMT": tags.comment, b"ISFT": tags.software}
    if any(re.search("[\0\ud800-\udfff]", text) for text in texts.values()):
        raise AudioError(path, "a tag holds a NUL character or one that Unicode does not have; remove it")
    return (
        pack_acid(tags.bpm, tags.bars * 4, _root_note(tags.key))
        + pack_smpl(sample_rate, frames)
        + pack_info({name: text for name, text in texts.items() if text})
        + pack_chunk(b"id3 ", pack_id3(tags.bpm, tags.title, tags.key, tags.comment, tags.software))
    )


def _pcm24(waveform: np.ndarray) -> bytes:
    """Return interleaved little-endian 24-bit samples, rounded to nearest."""
    scaled = np.rint(np.asarray(waveform.T, np.float64) * _FULL_SCALE)
    samples = np.minimum(scaled, _FULL_SCALE - 1).astype("<i4")
    return samples.reshape(-1, 1).view(np.uint8)[:, :3].tobytes()


def _root_note(key: str | None) -> int | None:
    """Return the MIDI note 60-71 of a key's root; None where the key does not begin with one."""
    match = re.match(r"([A-G])([#b]?)", key or "")
    if not match:
        return None
    return 60 + (_SEMITONES[match[1]] + {"": 0, "#": 1, "b": -1}[match[2]]) % 12


def _shortest(value: float) -> float:
    """Return the shortest decimal that is the same float32: 126.3, not 126.30000305."""
    return float(str(np.float32(value)))
