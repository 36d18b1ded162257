"""Make docs/listen, the page on which a visitor hears the bundled model before installing anything: `make listen`.

    python scripts/listen.py build/listen --out docs/listen

In: a folder of loops that `generate` wrote, with their tags. Out: a small Ogg Vorbis copy of each, and index.html with
a player, the tempo, the style, the seed and the command of each. The page requests nothing from outside its folder.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import soundfile

from fourfloor import __version__, audio, pages

MAX_BYTES = 200_000
STYLES = {None: "any style", "music": "music: like the real training tracks"}
LEVELS = (0.6, 0.7, 0.8, 0.9)  # soundfile's compression levels, best sound first


@dataclass(frozen=True)
class Card:
    """What the page says about one loop."""

    ogg: str
    bpm: float
    style: str
    facts: list[str]
    command: str
    model: str


def write_ogg(source: Path, target: Path) -> None:
    """Write an Ogg Vorbis copy of a loop in the best quality that stays below MAX_BYTES."""
    waveform = audio.decode(source)
    for level in LEVELS:
        soundfile.write(target, waveform.T, audio.SAMPLE_RATE, format="OGG", subtype="VORBIS", compression_level=level)
        if target.stat().st_size <= MAX_BYTES:
            return
    raise SystemExit(f"{target}: over {MAX_BYTES} bytes at the lowest quality; use a shorter loop")


def card_of(source: Path, out: Path) -> Card:
    """Convert one loop and read its tags."""
    tags = audio.read_tags(source)
    if tags is None:
        raise SystemExit(f"{source} has no tags; pass loops that `fourfloor generate` wrote")
    target = out / f"{source.stem}.ogg"
    write_ogg(source, target)
    info, made = audio.probe(source), json.loads(tags.comment)
    asked = [
        ("no kick" if not value else "kick") if name == "kick" else f"{name.replace('_', ' ')} {value:g}"
        for name, value in made.get("controls", {}).items()
    ]
    length = f"{tags.bars} bars, {info.frames / info.sample_rate:.1f} s"
    facts = [f"{tags.bpm:g} BPM", length, *asked, f"seed {made['seed']}"]
    style = STYLES.get(made["style"], made["style"])
    return Card(target.name, tags.bpm, style, facts, made["command"], made["model"])


def main() -> None:
    """Write the Ogg files and the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("loops", type=Path, help="folder of loops that generate wrote")
    parser.add_argument("--out", type=Path, default=Path("docs/listen"))
    parser.add_argument("--candidates", type=int, default=8, help="what the page says each loop is the best of")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for old in options.out.glob("*.ogg"):
        old.unlink()
    cards = sorted(
        (card_of(path, options.out) for path in options.loops.glob("*.wav")), key=lambda card: (card.bpm, card.ogg)
    )
    if not cards:
        raise SystemExit(f"{options.loops} holds no WAV file; run `make listen`")
    page = pages.render(
        "listen.html", cards=cards, model=cards[0].model, candidates=options.candidates, version=__version__
    )
    (options.out / "index.html").write_text(page)
    for card in cards:
        print(f"{card.ogg}: {(options.out / card.ogg).stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
