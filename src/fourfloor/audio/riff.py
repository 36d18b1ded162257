"""The chunks of a RIFF or AIFF file, and where a WAV keeps tempo, loop points and text.

In: an open binary file, or chunk contents. Out: chunk positions, packed chunks. Layouts: IBM and
Microsoft, "Multimedia Programming Interface and Data Specifications 1.0", 1991 (RIFF, INFO); EBU Tech 3306 (RF64);
Apple, "Audio Interchange File Format 1.3", 1989; `smpl` after Microsoft's "Multimedia Data Standards Update", 1994;
`acid` has no public text and is written as sample libraries write it.
"""

import struct
from collections.abc import Iterator, Mapping
from typing import BinaryIO

# A header lists few chunks; the bound keeps a file of a million empty chunks cheap.
_MAX_CHUNKS = 1024
MIDDLE_C = 60


def chunks(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Yield `(id, offset of the content, claimed size)` of each top-level chunk; nothing for another format."""
    file.seek(0)
    head = file.read(12)
    order = {b"RIFF": "<", b"RF64": "<", b"RIFX": ">", b"FORM": ">"}.get(head[:4])
    position = 12
    for _ in range(_MAX_CHUNKS if order else 0):
        file.seek(position)
        header = file.read(8)
        if len(header) < 8:
            return
        size = struct.unpack(f"{order}I", header[4:])[0]
        yield header[:4], position + 8, size
        position += 8 + size + size % 2


def pack_chunk(name: bytes, content: bytes) -> bytes:
    """Return one chunk: its id, its size, its content and a pad byte where the content is odd."""
    return struct.pack("<4sI", name, len(content)) + content + b"\0" * (len(content) % 2)


def pack_acid(bpm: float, beats: int, root: int | None) -> bytes:
    """Return the `acid` chunk of a 4/4 loop; `root` is the MIDI note of its key, where known."""
    flags = 0 if root is None else 2  # bit 0: one-shot; bit 1: the root note is meant
    return pack_chunk(
        b"acid", struct.pack("<IHHfIHHf", flags, MIDDLE_C if root is None else root, 0x8000, 0.0, beats, 4, 4, bpm)
    )


def pack_smpl(sample_rate: int, frames: int) -> bytes:
    """Return the `smpl` chunk of one endless forward loop over all frames (its end is inclusive).

    The unity note is middle C whatever the key: a sampler plays the loop at its own speed on that note, and Csound's
    loscil at middle C would stretch a loop by its distance from there.
    """
    period_nanoseconds = round(1e9 / sample_rate)
    header = struct.pack("<9I", 0, 0, period_nanoseconds, MIDDLE_C, 0, 0, 0, 1, 0)
    return pack_chunk(b"smpl", header + struct.pack("<6I", 0, 0, 0, frames - 1, 0, 0))


def pack_info(texts: Mapping[bytes, str]) -> bytes:
    """Return the LIST/INFO chunk of zero-terminated UTF-8 texts."""
    content = b"".join(pack_chunk(name, text.encode() + b"\0") for name, text in texts.items())
    return pack_chunk(b"LIST", b"INFO" + content)


def unpack_info(content: bytes) -> dict[bytes, str]:
    """Return the texts of a LIST/INFO chunk; what is cut short is left out."""
    texts: dict[bytes, str] = {}
    position = 4
    while content[:4] == b"INFO" and position + 8 <= len(content):
        name, size = struct.unpack_from("<4sI", content, position)
        text = content[position + 8 : position + 8 + size]
        if len(text) == size:
            texts[name] = text.split(b"\0")[0].decode("utf-8", "replace")
        position += 8 + size + size % 2
    return texts
