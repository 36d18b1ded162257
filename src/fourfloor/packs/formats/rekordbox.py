"""A rekordbox collection: the loops as tracks with an exact beat grid and a saved loop, and a playlist of them.

Written by hand, as rekordbox 5 exports it: pyrekordbox loses or doubles a slash of POSIX paths. It names absolute
paths: make the pack where it stays. Tried with pyrekordbox 0.5.0. Not run: rekordbox.
"""

import os
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from fourfloor import __version__
from fourfloor.packs.contents import Pack, PackedLoop


def write(pack: Pack) -> list[str]:
    """Write `rekordbox.xml`; nothing in a zip, where no path is known."""
    if pack.home is None:
        return ["a zip has no rekordbox.xml, which names absolute paths; write the folder for one"]
    count = len(pack.loops)
    tracks = "".join(_track(pack, loop, number) for number, loop in enumerate(pack.loops, 1))
    keys = "".join(f'      <TRACK Key="{number}"/>\n' for number in range(1, count + 1))
    pack.write_text(
        "rekordbox.xml",
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<DJ_PLAYLISTS Version="1.0.0">\n'
        f'  <PRODUCT Name="fourfloor" Version="{__version__}" Company=""/>\n'
        f'  <COLLECTION Entries="{count}">\n{tracks}  </COLLECTION>\n'
        '  <PLAYLISTS>\n    <NODE Type="0" Name="ROOT" Count="1">\n'
        f'    <NODE Name="{pack.name}" Type="1" KeyType="0" Entries="{count}">\n{keys}    </NODE>\n'
        "    </NODE>\n  </PLAYLISTS>\n</DJ_PLAYLISTS>\n",
    )
    return []


def _track(pack: Pack, loop: PackedLoop, number: int) -> str:
    assert pack.home is not None
    attributes = {
        "TrackID": number, "Name": loop.title, "Artist": "", "Genre": loop.facts.get("style", ""), "Kind": "WAV File",
        "Size": (pack.folder / loop.wav).stat().st_size, "TotalTime": round(loop.seconds),
        "SampleRate": loop.sample_rate, "BitRate": loop.sample_rate * loop.channels * 24 // 1000,
        "AverageBpm": f"{loop.bpm:.2f}",
        "Tonality": loop.key or "", "Comments": pack.license,
        "Location": "file://localhost" + quote(os.fsencode(pack.home / loop.wav)),
    }  # fmt: skip
    words = " ".join(f"{name}={quoteattr(str(value))}" for name, value in attributes.items())
    return (
        f"    <TRACK {words}>\n"
        f'      <TEMPO Inizio="0.000" Bpm="{loop.bpm:.2f}" Metro="4/4" Battito="1"/>\n'
        f'      <POSITION_MARK Name="loop" Type="4" Start="0.000" End="{loop.seconds:.3f}" Num="-1"/>\n'
        "    </TRACK>\n"
    )
