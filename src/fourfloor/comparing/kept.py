"""What a comparison keeps so that the same command does not compute it again: values beside their hash.

What was damaged meanwhile counts as not there, and is made again: no verdict rests on a flipped bit.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from fourfloor.errors import FourfloorError
from fourfloor.reading import read_file
from fourfloor.saving import save_file

MAX_BYTES = 1 << 28  # measures of ten thousand loops are a tenth of it


def keep(path: Path, content: Any) -> None:
    """Write values that JSON can hold into a file, whole or not at all."""
    save_file(path, json.dumps({"sha256": _hash(content), "content": content}).encode())


def kept(path: Path, missing: Any = None) -> Any:
    """Return what `keep` wrote; `missing` where nothing is there, or not what was written."""
    try:
        read = json.loads(read_file(path, MAX_BYTES))
        intact = read["sha256"] == _hash(read["content"])
    except (FileNotFoundError, NotADirectoryError):
        return missing
    except OSError as error:
        raise FourfloorError(f"{path}: cannot be read ({error.strerror}); make it readable, or remove it") from None
    except (ValueError, LookupError, TypeError, RecursionError):
        return missing
    return read["content"] if intact else missing


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
