"""One page with a picture, the facts and a player of each loop; it asks for nothing outside its folder.

Looked at in Chromium 156. The browser's player leaves a short gap where a loop begins again; the files have none.
"""

from html import escape

from fourfloor import __version__
from fourfloor.packs.contents import Pack, PackedLoop
from fourfloor.signal import picture


def write(pack: Pack) -> list[str]:
    """Write `index.html` and `pictures/NAME.png`."""
    for loop in pack.loops:
        image = picture.spectrogram(pack.waveform(loop.wav), loop.sample_rate)
        image.save(pack.place(f"pictures/{loop.name}.png"), format="PNG")
    cards = "\n".join(_card(loop) for loop in pack.loops)
    license = f"<p>License: {escape(pack.license)}</p>" if pack.license else "<p>No license was given.</p>"
    pack.write_text("index.html", _PAGE.format(name=pack.name, version=__version__, license=license, cards=cards))
    return []


def _card(loop: PackedLoop) -> str:
    facts = {
        "Tempo": f"{loop.bpm:g} BPM", "Length": f"{loop.bars} bars, {loop.seconds:.3f} s, {loop.frames} frames",
        "Key": loop.key, **{name.capitalize(): text for name, text in loop.facts.items()},
    }  # fmt: skip
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in facts.items() if text)
    stems = "".join(
        f'<li><span>{escape(stem)}</span><audio controls loop preload="none" src="{file}"></audio></li>'
        for stem, file in loop.stems.items()
    )
    more = f"<details><summary>{len(loop.stems)} stems</summary><ul>{stems}</ul></details>" if stems else ""
    midi = f'<p><a href="midi/{loop.name}.mid">MIDI</a></p>' if loop.midi else ""
    return (
        f'<article><h2>{escape(loop.title)}</h2><img src="pictures/{loop.name}.png" alt="Spectrogram, 40 Hz to 18 kHz">'
        f'<audio controls loop preload="none" src="{loop.wav}"></audio><dl>{rows}</dl>{midi}{more}</article>'
    )


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'self'; style-src 'unsafe-inline'">
<title>{name}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }}
main {{ display: grid; gap: 1.5rem; grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr)); }}
article {{ border: 1px solid #8886; border-radius: 6px; padding: 1rem; }}
h2 {{ font-size: 1rem; margin: 0 0 .5rem; overflow-wrap: anywhere; }}
img, audio {{ display: block; width: 100%; }}
dl {{ display: grid; gap: 0 1rem; grid-template-columns: auto 1fr; }}
dt {{ font-weight: 600; }}
dd {{ margin: 0; }}
ul {{ list-style: none; padding: 0; }}
</style>
</head>
<body>
<h1>{name}</h1>
{license}
<main>
{cards}
</main>
<footer><p>Written by fourfloor {version}.</p></footer>
</body>
</html>
"""
