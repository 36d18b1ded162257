"""Impulse Tracker modules: every loop a looping sample, played twice over in rows of a sixteenth.

Layout: ITTECH.TXT of Impulse Tracker 2.14. A module's tempo is a whole number; the loop itself keeps its own, because
it is triggered once. 16 bit; stereo samples are an extension that all players of today know. Tried with libopenmpt
0.6.9.
"""

import struct
from collections.abc import Iterator, Sequence

from fourfloor.packs.contents import BANK, Pack, PackedLoop

_ROWS = 64  # of a pattern: four bars of sixteenths
_ORDERS = 255  # of a module: a player reads 256, with the mark of the end
_MIDDLE = 60  # the note that plays a sample at its own rate
_TEMPO = 20  # the command T
_SPEED = 6  # ticks a row, so that a row is a sixteenth at the module's tempo
_PRESENT, _BITS_16, _STEREO, _LOOP = 1, 2, 4, 16


def write(pack: Pack) -> list[str]:
    """Write `tracker/NAME.it`; several where there are more than 64 loops, or loops of many bars."""
    notes = []
    for name, loops in _modules(pack):
        pack.place(f"tracker/{name}.it").write_bytes(_module(pack, name, loops))
        off = [loop.name for loop in loops if _tempo(loop) != loop.bpm]
        if off:
            notes.append(f"tracker/{name}.it has whole tempi: the rows drift from {', '.join(off)}")
    return notes


def _modules(pack: Pack) -> Iterator[tuple[str, Sequence[PackedLoop]]]:
    """Yield as many loops at a time as a module holds, with its name."""
    modules: list[list[PackedLoop]] = [[]]
    for loop in pack.loops:
        if len(modules[-1]) == BANK or sum(map(_orders, [*modules[-1], loop])) > _ORDERS:
            modules.append([])
        modules[-1].append(loop)
    for number, loops in enumerate(modules, 1):
        yield pack.name + (f"_{number}" if len(modules) > 1 else ""), loops


def _rows(loop: PackedLoop) -> int:
    return max(32, 2 * 16 * loop.bars)  # fewer rows than 32 are unknown to the original


def _orders(loop: PackedLoop) -> int:
    return -(-_rows(loop) // _ROWS)


def _tempo(loop: PackedLoop) -> int:
    return min(255, max(32, round(loop.bpm)))


def _module(pack: Pack, name: str, loops: Sequence[PackedLoop]) -> bytes:
    patterns = [_pattern(b"", _ROWS)]  # while it is played the last sample goes on
    orders: list[int] = []
    for number, loop in enumerate(loops, 1):
        first = min(_rows(loop), _ROWS)
        patterns.append(_pattern(bytes([0x81, 1 | 2 | 8, _MIDDLE, number, _TEMPO, _tempo(loop)]), first))
        orders += [len(patterns) - 1, *[0] * (_orders(loop) - 1)]
    audio = [b"".join(pack.pcm16(loop.wav)) for loop in loops]  # the left channel, then the right
    header = struct.pack(
        "<4s26s2B8H6BHII", b"IMPM", name.encode()[:25], 4, 16, len(orders) + 1, 0, len(loops), len(patterns), 0x214,
        0x214, 1 | 8, 0, 128, 128, _SPEED, _tempo(loops[0]), 128, 0, 0, 0, 0,
    )  # fmt: skip
    header += bytes([32] * 64) + bytes([64] * 64) + bytes([*orders, 255])  # channels centered, at full volume
    first = len(header) + 4 * (len(loops) + len(patterns))
    sample_at = [first + 80 * number for number in range(len(loops))]
    pattern_at = _positions(first + 80 * len(loops), patterns)
    audio_at = _positions(pattern_at[-1], audio)
    offsets = struct.pack(f"<{len(loops) + len(patterns)}I", *sample_at, *pattern_at[:-1])
    headers = [_sample(loop, at) for loop, at in zip(loops, audio_at, strict=False)]
    return b"".join([header, offsets, *headers, *patterns, *audio])


def _positions(start: int, parts: Sequence[bytes]) -> list[int]:
    """Return where each part begins when they follow each other from `start`, and where the last ends."""
    return [start + sum(map(len, parts[:number])) for number in range(len(parts) + 1)]


def _pattern(first_row: bytes, rows: int) -> bytes:
    data = first_row + bytes(rows)  # a zero ends each row
    return struct.pack("<HHI", len(data), rows, 0) + data


def _sample(loop: PackedLoop, position: int) -> bytes:
    flags = _PRESENT | _BITS_16 | _LOOP | (_STEREO if loop.channels == 2 else 0)
    label = loop.name.encode()
    return struct.pack(
        "<4s12s4B26s2B7I4B", b"IMPS", label[-12:], 0, 64, flags, 64, label[:25], 1, 32, loop.frames, 0, loop.frames,
        loop.sample_rate, 0, 0, position, 0, 0, 0, 0,
    )  # fmt: skip
