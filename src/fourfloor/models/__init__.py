"""One family a module: `family = "wavegan"` means `models/wavegan.py`, which holds `Config` and `Model`.

A family whose parts fill more than a file is a folder of that name, with `Config` and `Model` in its `__init__.py`.
"""

import importlib
import pkgutil
from types import ModuleType

from fourfloor.errors import FourfloorError


def families() -> list[str]:
    """List the model families: the module names of this folder."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def family_module(name: str) -> ModuleType:
    """Import one family's module; raise FourfloorError naming those that exist."""
    if name not in families():
        raise FourfloorError(f"model.family {name!r} is unknown: use one of {', '.join(families())}")
    return importlib.import_module(f"{__name__}.{name}")
