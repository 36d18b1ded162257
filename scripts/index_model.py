"""Write the index of a model folder's fingerprints beside them: python scripts/index_model.py FOLDER.

For models of earlier versions, whose index is otherwise made each time that they are opened.
"""

import json
import sys
from pathlib import Path

from fourfloor.copies import cells, fingerprints, packing
from fourfloor.copies.postings import Postings
from fourfloor.saving import save_file

folder = Path(sys.argv[1])
content = json.loads((folder / fingerprints.ABOUT).read_text())
(folder / cells.FILE).unlink(missing_ok=True)
index = fingerprints.load(folder).index
found = packing.sha256(content, folder / fingerprints.ARRAYS)
save_file(folder / cells.FILE, cells.seal(Postings.of(index.windows), found))
print(f"{folder / cells.FILE}: {(folder / cells.FILE).stat().st_size} bytes, {len(index.postings)} windows")
