"""The list of artists to fine-tune to: every track is fetched, and none is judged that was tuned to."""

from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"


def lines(name: str) -> list[str]:
    return [line for line in (SCRIPTS / name).read_text().splitlines() if line and not line.startswith("#")]


def test_artists_are_judged_by_other_tracks_of_theirs() -> None:
    fetched = {line.split()[3].removesuffix(".ogg") for line in lines("music-judge.txt")}
    artists = [[part.split() for part in line.split("|")] for line in lines("artists.txt")]
    assert len(artists) == 5
    seen: list[str] = []
    for (name, *given), judged in artists:
        tuned = [token for token in given if "=" not in token]
        assert len(tuned) >= 2, name
        assert len(judged) >= 2, name  # pairs within a track do not count in a style distance
        seen += tuned + judged
    assert len(seen) == len(set(seen))
    assert set(seen) <= fetched
