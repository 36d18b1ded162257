"""Run `fourfloor` where what only training needs is not installed: `python without_torch.py generate ...`."""

import sys
from importlib.abc import MetaPathFinder

TRAINING = ("torch", "einops", "onnx", "onnxscript", "threadpoolctl")


class Absent(MetaPathFinder):
    """Find no library that only training needs."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.partition(".")[0] in TRAINING:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, Absent())

from fourfloor.__main__ import main  # noqa: E402

main()
