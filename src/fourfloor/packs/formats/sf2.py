"""SoundFonts: every loop on a key of its own, 16 bit, looping.

Layout: Creative, "SoundFont Technical Specification 2.01", 1998; the end of a loop is the first sample after it, and
eight samples must lie before and behind it. So the sample goes on into its own second pass, and the loop begins eight
samples late: its period stays. Tried with FluidSynth 2.3.1 and TiMidity++ 2.14.
"""

import struct
from collections.abc import Sequence

from fourfloor.audio.riff import pack_chunk
from fourfloor.packs.contents import LOWEST_KEY, Pack, PackedLoop

_PAN, _INSTRUMENT, _KEYS, _SAMPLE, _MODES, _ROOT = 17, 41, 43, 53, 54, 58
_AROUND = 8  # samples before and behind a loop, by which players interpolate
_GUARD = 46  # zeros after each sample, which the specification asks for
_LEFT, _RIGHT, _MONO = 4, 2, 1


def write(pack: Pack) -> list[str]:
    """Write `soundfont/NAME.sf2`, one for each 64 loops."""
    for name, loops in pack.banks():
        pack.place(f"soundfont/{name}.sf2").write_bytes(_soundfont(pack, name, loops))
    return []


def _soundfont(pack: Pack, name: str, loops: Sequence[PackedLoop]) -> bytes:
    samples: list[bytes] = []
    headers: list[bytes] = []
    zones: list[list[tuple[int, int]]] = []
    position = 0
    for key, loop in enumerate(loops, LOWEST_KEY):
        for side, channel in enumerate(pack.pcm16(loop.wav)):
            headers.append(_header(loop, key, side, len(headers), position))
            pan = (-500, 500)[side] if loop.channels == 2 else 0
            zones.append([(_KEYS, key | key << 8), (_PAN, pan), (_MODES, 1), (_ROOT, key), (_SAMPLE, len(zones))])
            samples.append(_repeated(channel, loop.frames + 2 * _AROUND) + bytes(2 * _GUARD))
            position += loop.frames + 2 * _AROUND + _GUARD
    info = b"INFO" + pack_chunk(b"ifil", struct.pack("<HH", 2, 1)) + pack_chunk(b"isng", b"EMU8000\0")
    info += pack_chunk(b"INAM", name.encode() + b"\0" * (2 - len(name) % 2))
    audio = b"sdta" + pack_chunk(b"smpl", b"".join(samples))
    body = b"sfbk" + b"".join(pack_chunk(b"LIST", part) for part in (info, audio, _tables(name, zones, headers)))
    return pack_chunk(b"RIFF", body)


def _header(loop: PackedLoop, key: int, side: int, number: int, position: int) -> bytes:
    """Return the record of sample `number`, one channel of a loop, which begins at sample `position` of the font."""
    stereo = loop.channels == 2
    kind = (_LEFT, _RIGHT)[side] if stereo else _MONO
    other = number + 1 - 2 * side if stereo else 0
    label = f"{key:03d}{'LR'[side] if stereo else ''}".encode()
    begin = position + _AROUND
    over = begin + loop.frames
    return struct.pack(
        "<20s5IBbHH", label, position, over + _AROUND, begin, over, loop.sample_rate, key, 0, other, kind
    )  # fmt: skip


def _repeated(channel: bytes, frames: int) -> bytes:
    """Return so many 16-bit frames of a loop that goes on at its start."""
    return (channel * (1 + 2 * frames // len(channel)))[: 2 * frames]


def _tables(name: str, zones: list[list[tuple[int, int]]], headers: list[bytes]) -> bytes:
    """Return the nine tables of a font with one preset of one instrument; each ends with a closing record."""
    generators = [struct.pack("<HH", kind, value & 0xFFFF) for zone in zones for kind, value in zone]
    firsts = [sum(map(len, zones[:number])) for number in range(len(zones) + 1)]
    label = name.encode()[:19]
    tables = {
        b"phdr": struct.pack("<20s3H3I", label, 0, 0, 0, 0, 0, 0) + struct.pack("<20s3H3I", b"EOP", 0, 0, 1, 0, 0, 0),
        b"pbag": struct.pack("<4H", 0, 0, 1, 0),
        b"pmod": bytes(10),
        b"pgen": struct.pack("<4H", _INSTRUMENT, 0, 0, 0),
        b"inst": struct.pack("<20sH", label, 0) + struct.pack("<20sH", b"EOI", len(zones)),
        b"ibag": b"".join(struct.pack("<HH", first, 0) for first in firsts),
        b"imod": bytes(10),
        b"igen": b"".join(generators) + bytes(4),
        b"shdr": b"".join(headers) + struct.pack("<20s5IBbHH", b"EOS", *[0] * 9),
    }
    return b"pdta" + b"".join(pack_chunk(chunk, content) for chunk, content in tables.items())
