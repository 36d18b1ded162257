"""One page with a picture, the facts and a player of each loop; it asks for nothing outside its folder.

Looked at in Chromium 156. The browser's player leaves a short gap where a loop begins again; the files have none.
"""

from fourfloor import __version__, pages
from fourfloor.packs.contents import Pack
from fourfloor.signal import picture


def write(pack: Pack) -> list[str]:
    """Write `index.html` and `pictures/NAME.png`."""
    for loop in pack.loops:
        image = picture.spectrogram(pack.waveform(loop.wav), loop.sample_rate)
        image.save(pack.place(f"pictures/{loop.name}.png"), format="PNG")
    pack.write_text("index.html", pages.render("pack.html", pack=pack, version=__version__))
    return []
