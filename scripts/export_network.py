"""Write the averaged weights of a run, matrices in 8 bits, as a network that the package ships.

python scripts/export_network.py runs/separator src/fourfloor/bundled/editing/separator
"""

import sys
from pathlib import Path

from fourfloor import exporting

if __name__ == "__main__":
    run, out = map(Path, sys.argv[1:])
    out.mkdir(parents=True, exist_ok=True)
    exporting.export(run, None, out)
    print(f"{out}: {sum(path.stat().st_size for path in out.iterdir())} bytes")
