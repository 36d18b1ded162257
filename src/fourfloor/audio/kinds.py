"""The first bytes of a file -> what it is, and for what libsndfile does not read, which command converts it.

In: a path to name and the open file. Out: one of four ways to find its streams, or one line that says why not. Names
of files decide nothing: a FLAC called .mp3 is a FLAC.
"""

import shlex
from pathlib import Path
from typing import BinaryIO

from fourfloor.audio.files import AudioError, PathLike, display_name
from fourfloor.audio.mpeg import after_id3, holds_frames
from fourfloor.reading import LFS_BEGINS, LFS_REASON

CONVERT = "export it again as WAV or FLAC"
OGG, MPEG, FLAC, PLAIN = "Ogg", "MPEG", "FLAC", "plain"

# libsndfile knows 25 formats, most of them little tested: these are read.
_READ = (b"RIFF", b"RIFX", b"RF64", b"FORM", b"riff\x2e\x91\xcf\x11", b"caff", b".snd")
_CONVERTED = {
    b"\x1aE\xdf\xa3": "Matroska or WebM",
    b"0&\xb2u\x8ef\xcf\x11": "Windows Media (WMA)",
    b"wvpk": "WavPack",
    b"MAC ": "Monkey's Audio (APE)",
    b"MPCK": "Musepack",
    b"MP+": "Musepack",
    b"TTA1": "True Audio",
    b"OFR ": "OptimFROG",
    b"ADIF": "AAC",
    b"\x0bw": "Dolby Digital (AC-3)",
    b".RMF": "RealAudio",
    b".ra\xfd": "RealAudio",
    b"DSD ": "DSD",
    b"FRM8": "DSD",
    b"Creative Voice File": "VOC",
    b"FLV\x01": "Flash video",
    b"dns.": "little-endian AU",
    b"8SVX": "8SVX",
}
_OTHERS = {
    b"MThd": "is a MIDI file, which holds notes and no sound; render it to WAV first",
    b"PK\x03\x04": "is a ZIP archive; unpack it first",
    b"Rar!": "is a RAR archive; unpack it first",
    b"7z\xbc\xaf": "is a 7z archive; unpack it first",
    b"<!DOCTYPE": "is a web page, saved in place of the sound; download it again",
    LFS_BEGINS: f"is not there: {LFS_REASON}",
    b"<html": "is a web page, saved in place of the sound; download it again",
}
_MPEG_SYNC, _ADTS_MASK, _ADTS = 0xFFE0, 0xFFF6, 0xFFF0


def recognize(path: PathLike, file: BinaryIO) -> str:
    """Return how to find the streams of a file; raise AudioError in one line where libsndfile cannot read it."""
    file.seek(0)
    head = file.read(64)
    if not head:
        raise AudioError(path, "is empty; remove it or fetch it again")
    if head.startswith(b"ID3"):
        file.seek(after_id3(head))
        inside = file.read(64)
        head = inside if inside.startswith((*_READ, b"OggS", b"fLaC")) else b"\xff\xfb"
    if head.startswith(b"OggS"):
        return OGG
    if head.startswith(b"fLaC"):
        return FLAC
    if head.startswith(_READ):
        return PLAIN
    for magic, reason in _OTHERS.items():
        if head.startswith(magic):
            raise AudioError(path, reason)
    kind = next((name for magic, name in _CONVERTED.items() if head.startswith(magic)), "")
    sync = int.from_bytes(head[:2])
    if head[4:12] == b"ftypM4P ":
        raise AudioError(path, "is a protected file of iTunes, which no other program reads; get the track without DRM")
    if head[4:8] == b"ftyp":
        kind = "MP4 (AAC or ALAC)"
    elif sync & _ADTS_MASK == _ADTS:
        kind = "AAC"
    if kind:
        raise AudioError(path, f"is {kind}, which fourfloor does not read; convert it: {conversion(path)}")
    if sync & _MPEG_SYNC == _MPEG_SYNC or holds_frames(file):
        return MPEG
    if not head[:12].strip(b"\0"):
        raw = "import it as raw audio in an editor (44.1 kHz, 16 bits, stereo are usual)"
        raise AudioError(path, f"begins with zeros where a header belongs, as recordings left unfinished do; {raw}")
    raise AudioError(path, "is not audio (WAV, FLAC, OGG, Opus, MP3, AIFF); remove it or convert it")


def conversion(path: PathLike) -> str:
    """Return the command that converts a file to WAV; ffmpeg's default of 16 bits would cut what ALAC and DSD hold."""
    target = Path(path).with_suffix(".wav")
    if target == Path(path):
        target = target.with_name(f"{target.stem}-converted.wav")
    return f"ffmpeg -i {shlex.quote(display_name(path))} -c:a pcm_s24le {shlex.quote(display_name(target))}"
