"""The recipes in the package, one TOML file each, found by name from any folder: `adapt`, `seed/helicopter`."""

import difflib
import os
from pathlib import Path

from fourfloor.errors import FourfloorError

FOLDER = Path(__file__).resolve().parent
MAX_NEAR = 60  # characters of a name that are compared: finding near ones takes the square of the length


def names() -> list[str]:
    """List the recipes in the package."""
    return sorted(path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.rglob("*.toml"))


def find(recipe: str | Path) -> Path:
    """Return the file of a recipe: the one at this path where there is one, else the package's of this name.

    `recipes/adapt.toml`, as it is called in a checkout, means the same as `adapt`. FourfloorError where neither is
    there; it names near names.
    """
    if os.path.exists(recipe) and not os.path.isdir(recipe):
        return Path(recipe)
    known = names()
    name = Path(recipe).as_posix().removeprefix("recipes/").removesuffix(".toml")
    if name in known:
        return FOLDER / f"{name}.toml"
    near = [full for full in known if full.rpartition("/")[2] == name]
    near = near or difflib.get_close_matches(name.rpartition("/")[2][:MAX_NEAR], known, n=3)
    hint = f"did you mean {' or '.join(near)}? Name" if near else "name"
    raise FourfloorError(
        f"{recipe}: is neither a recipe file nor the name of a recipe; {hint} a .toml file or one of: "
        + ", ".join(known)
    )
