"""How far an evaluation is: loops of several stages become one count and a line that names the stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping

SCORE_SECONDS, SEARCH_SECONDS = 0.06, 0.3  # a loop on one core: guesses for the bar

Tell = Callable[[float, float, str], None]  # seconds of work done, seconds in all, what is being done


class Stages:
    """Counts loops stage by stage; `stages` names them with `(loops, seconds a loop)`, roughly, for the time left."""

    def __init__(self, stages: Mapping[str, tuple[int, float]], tell: Tell) -> None:
        self._stages, self._tell = stages, tell
        self._done = dict.fromkeys(stages, 0)

    def count(self, stage: str) -> None:
        """Show that one more loop of a stage is done."""
        self._done[stage] += 1
        done = sum(self._done[name] * seconds for name, (_, seconds) in self._stages.items())
        total = sum(loops * seconds for loops, seconds in self._stages.values())
        self._tell(done, total, f"{stage}, {self._done[stage]} of {self._stages[stage][0]}")
