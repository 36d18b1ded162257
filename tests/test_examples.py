"""The examples of --help run as they are written, where the files that they name are there."""

import shlex
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fourfloor.audio import LoopTags, write_loop
from fourfloor.interfaces import editing, edits, packs
from fourfloor.interfaces.cli import main
from fourfloor.producer import render_loop

WITHOUT = ("stream",)  # plays until it is stopped, to a program that few machines of tests have
EXAMPLES = [
    line.removeprefix("Example: ")
    for group in (packs, edits, editing)  # a pack of what is there, not of what they make
    for command in group.commands.registered_commands
    for line in (command.epilog or "").split("\n\n")
    if shlex.split(line)[2] not in WITHOUT
]
SAY = {
    "vary": ["loops/loop_vary-0p3_s3.wav: 126 BPM, 4 bars"],
    "fill": ["loops/loop_fill-beats-9-16-high_s0.wav: 126 BPM, 4 bars"],
    "continue": ["loops/loop_continued_s0.wav: 126 BPM, 8 bars"],
    "morph": ["loops/a_to_b_6.wav: 126 BPM, 4 bars"],
    "stems": ["loops/loop_stems: kick "],
    "midi": ["loops/loop.mid: "],
    "rekit": ["loops/loop_rekit.wav: "],
    "arrange": [
        "track.wav: 96 bars at 126 BPM, 3:02.857, 8064000 frames",
        "note: loops/c.wav plays nowhere, because its letter is not in the form\n"
        "set.wav: 16 bars at 126 BPM, 0:30.476, 1344000 frames",
    ],
    "pack": ["Next: open my-pack/index.html in a browser, to hear the loops", "mine.zip: 1 loop, "],
}


def save(folder: Path, name: str, seed: int, bpm: float) -> None:
    """Write a loop that a user has."""
    made = 0.5 * render_loop(seed, "tech house", bars=4, bpm=bpm).waveform
    write_loop(folder / f"{name}.wav", made, LoopTags(bpm=bpm, bars=4, title=name))


def test_the_examples_of_commands_on_loops_run_as_they_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("loops", "mine", "my-one-shots"):
        Path(folder).mkdir()
    for seed, name in enumerate(("loop", "a", "b", "c")):
        save(Path("loops"), name, seed, 126.0)
    save(Path("mine"), "one", 4, 124.0)
    for name in ("kick", "snare", "clap", "hat", "open"):
        soundfile.write(f"my-one-shots/{name}.wav", np.hanning(4410), 44_100)
    Path("my-form.txt").write_text("A B\n")
    told: dict[str, list[str]] = {}
    for example in EXAMPLES:
        words = [
            str(found)
            for word in shlex.split(example)
            for found in (sorted(Path().glob(word)) if "*" in word else [word])
        ]
        monkeypatch.setattr("sys.argv", words)
        with pytest.raises(SystemExit) as end:
            main()
        said = capsys.readouterr()
        assert not end.value.code, (example, said.err)
        told.setdefault(words[1], []).append(said.out)
    assert set(told) == set(SAY)
    for command, lines in SAY.items():
        assert len(told[command]) == len(lines)
        for line, out in zip(lines, told[command], strict=True):
            assert line in out
