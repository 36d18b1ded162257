"""The card of an exported model: what it was trained on, how to load it, and under which license it is passed on."""

from pathlib import Path
from typing import Any

from fourfloor import __version__, header
from fourfloor.errors import FourfloorError
from fourfloor.loading import LoopModel, Trained

MAX_LICENSE = 300  # characters
NO_LICENSE = (
    "Not stated. Weights are learned from music: whoever exported this model states here what the rights of that music "
    "allow, for example with `fourfloor export --license TEXT`. Ask before you pass the model on."
)


def check_license(text: str | None) -> None:
    """Raise FourfloorError in one line where a license is not one line of printable text."""
    if text is not None and not (len(text.strip()) > 0 and len(text) <= MAX_LICENSE and text.isprintable()):
        raise FourfloorError(f"license: pass one line of at most {MAX_LICENSE} characters, such as CC-BY-4.0")


def card(model: LoopModel, run: Path, name: str, license_text: str | None) -> str:
    """Write the card of a model that is exported from a run under a name, in Markdown."""
    parts = [model.prior, *([model.decoder] if model.decoder else [])]
    lines = [
        f"# {_plain(name)}",
        "",
        f"A model of house & techno loops, exported by fourfloor {__version__}. Load it with",
        "`fourfloor generate --model FOLDER`, where FOLDER is the folder of this file. It holds numbers and JSON only.",
        "",
        "| family | recipe | minutes | data hash | made by |",
        "|---|---|---|---|---|",
        *(_row(part) for part in parts),
        "",
        f"- Trained on: {', '.join(_datasets(run)) or 'not recorded'} (the names of the datasets' folders).",
        f"- Fine-tuned from: {_plain(str(model.prior.meta.get('parent') or 'no other model'))}.",
        f"- Styles: {', '.join(map(_plain, model.prior.styles)) or 'none'}.",
        f"- Codec: {model.prior.codec_hash}. A prior and a decoder fit together where this is equal.",
        "",
        "## License",
        license_text or NO_LICENSE,
        "",
    ]
    return "\n".join(lines)


def _row(part: Trained) -> str:
    title = _plain(part.recipe.about.title) or "no title"
    minutes = part.meta["elapsed"] / 60
    version = _plain(str(part.meta.get("version", "unknown")))
    return f"| {part.recipe.family} | {title} | {minutes:.1f} | {part.meta['data_hash']} | fourfloor {version} |"


def _datasets(run: Path) -> list[str]:
    """Name the folders a run was trained on, without where they lie: a card is passed on."""
    if not (run / "run.json").exists():
        return []
    told: Any = header.read_json(run / "run.json").get("data")
    return [_plain(Path(path).name) for path in told if isinstance(path, str)] if isinstance(told, list) else []


def _plain(text: str) -> str:
    """Return a text that neither ends a line nor a cell of a table."""
    return "".join(character if character.isprintable() else " " for character in text).replace("|", "/")
