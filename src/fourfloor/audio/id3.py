"""Tags -> an ID3v2.3 tag, for the `id3 ` chunk of a WAV.

TagLib (Mixxx, Kodi, most of KDE) and mutagen (Picard, Quod Libet) know no `acid` chunk: they read a tempo only here.
Where they find this tag they read no LIST/INFO, so it repeats all texts. Layout: M. Nilsson, "ID3 tag version 2.3.0",
1999; version 2.4 is unknown to older Windows programs.
"""

import re
import struct


def pack_id3(bpm: float, title: str, key: str | None, comment: str, software: str) -> bytes:
    """Return the tag with the tempo and every text that is not empty."""
    texts = {b"TIT2": title, b"TBPM": f"{bpm:.6g}", b"TKEY": initial_key(key), b"TSSE": software}
    frames = b"".join(_frame(name, _encoded(text)) for name, text in texts.items() if text)
    if comment:
        frames += _frame(b"COMM", _comment(comment))
    size = len(frames)
    syncsafe = bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0))  # seven bits a byte
    return b"ID3\x03\x00\x00" + syncsafe + frames


def initial_key(key: str | None) -> str:
    """Return a key as TKEY requires it: "F#m" for "F#min", "C" for "Cmaj"; empty where it is none.

    >>> initial_key("F#min"), initial_key("Cmaj"), initial_key("?")
    ('F#m', 'C', '')
    """
    match = re.fullmatch(r"([A-G][#b]?)(?:(m|min)|maj)?", key or "")
    return match[1] + ("m" if match[2] else "") if match else ""


def _frame(name: bytes, content: bytes) -> bytes:
    return struct.pack(">4sIH", name, len(content), 0) + content


def _encoded(text: str) -> bytes:
    """Return a text behind its encoding: Latin-1 where that says it, UTF-16 else (2.3 knows no UTF-8)."""
    try:
        return b"\0" + text.encode("latin-1")
    except UnicodeEncodeError:
        return b"\1" + b"\xff\xfe" + text.encode("utf-16-le")


def _comment(text: str) -> bytes:
    """Return encoding, language, an empty description and the text, each after the same encoding."""
    encoded = _encoded(text)
    empty = b"\0" if encoded[0] == 0 else b"\xff\xfe\0\0"
    return encoded[:1] + b"eng" + empty + encoded[1:]
