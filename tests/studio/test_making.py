"""The order in which a worker makes the loops of a request."""

import threading
from pathlib import Path
from typing import Any

import pytest

from fourfloor.studio import making


class Model:
    """Makes numbers for loops: alone first, then three at once, the second of which takes longest."""

    def __init__(self) -> None:
        self.makes, self.most, self.others = 0, [0] * 4, threading.Barrier(3)
        self.guard = threading.Lock()

    def request(self, **asked: Any) -> None:
        """Find nothing wrong."""

    def generate(self, *, seed: int, **asked: Any) -> int:
        with self.guard:
            self.makes += 1
            self.most[seed] = self.makes
        if seed:
            self.others.wait(10)
        with self.guard:
            self.makes -= 1
        return seed


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Model:
    made, last = Model(), threading.Event()

    def keep(loop: int, name: str, **about: Any) -> dict[str, Any]:
        if loop == 1:
            assert last.wait(10)
        if loop == 3:
            last.set()
        return {"id": name}

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(making, "model_of", lambda source: made)
    monkeypatch.setattr(making, "keep", keep)
    monkeypatch.setattr("fourfloor.api.parallel.core_count", lambda: 3)
    return made


def test_the_first_loop_is_made_alone_and_one_that_takes_long_holds_no_other_back(model: Model) -> None:
    said: list[tuple[str, Any]] = []
    request = {"model": "warehouse", "bpm": 126.0, "bars": 4, "style": None, "seed": 0, "count": 4, "controls": {}}
    making.generate(
        {"id": "job", "request": request}, lambda event, **more: said.append((event, more.get("id", more.get("done"))))
    )
    loops = [name for event, name in said if event == "loop"]
    assert loops[0] == "job-0"
    assert model.most[0] == 1
    assert max(model.most) > 1
    assert loops.index("job-3") < loops.index("job-1")
    assert sorted(loops) == [f"job-{number}" for number in range(4)]
    assert [done for event, done in said if event == "progress"] == [0, 1, 2, 3, 4]
