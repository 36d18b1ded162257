"""FLAC files of the loops, 24 bit, with the tempo as a Vorbis comment.

Tried with flac 1.4.2, mutagen 1.48, TagLib 3 (pytaglib), ffmpeg 5.1 and libsndfile 1.2. A FLAC has no loop points: a
sampler plays it once.
"""

from fourfloor import audio
from fourfloor.packs.contents import Pack


def write(pack: Pack) -> list[str]:
    """Write `flac/NAME.flac` of each loop."""
    for loop in pack.loops:
        texts = {"TITLE": loop.title, "BPM": f"{loop.bpm:g}", "INITIALKEY": loop.key or "", "COMMENT": loop.comment}
        path = pack.place(f"flac/{loop.name}.flac")
        audio.write_flac(path, pack.waveform(loop.wav), {k: v for k, v in texts.items() if v}, loop.sample_rate)
    return []
