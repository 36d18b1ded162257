"""What does not fit into a pack is refused in one line, and leaves nothing."""

import json
from pathlib import Path

import pytest
import soundfile
from conftest import house_loop

import fourfloor as ff
from fourfloor import audio
from fourfloor.errors import FourfloorError
from fourfloor.packs import pack
from fourfloor.packs.folder import files_in


@pytest.mark.parametrize("name", ["../mine.txt", "/etc/passwd", 7])
def test_a_manifest_that_names_other_places_is_no_pack(loops: Path, tmp_path: Path, name: object) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "pack.json").write_text(json.dumps({"files": [name]}))
    with pytest.raises(FourfloorError, match="is a folder without a pack in it"):
        pack([loops], tmp_path / "demo", overwrite=True)
    assert (tmp_path / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"formats": ["sfz", "mp4"]}, "format 'mp4' is unknown: choose from all, wav, flac, midi"),
        ({"name": "a/b"}, "name 'a/b' does not fit every program"),
        ({"name": "x.y"}, "name 'x.y' does not fit every program"),
        ({"formats": [""]}, "format '' is unknown"),
        ({"license": "CC0\nmine"}, "license: give one line"),
        ({"bpm": 0}, "bpm 0 is outside 20-999"),
        ({"bpm": 100}, r"a <b> & c\.wav: 1\.905 s are 0\.794 bars at 100 BPM; .* \(--bpm 126 makes 1\)"),
    ],
)
def test_a_wrong_request_is_one_line_and_leaves_nothing(loops: Path, tmp_path: Path, arguments, message) -> None:
    with pytest.raises(FourfloorError, match=message) as caught:
        pack([loops], tmp_path / "demo", **arguments)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def broken_midi(path: Path) -> None:
    (path / "b.mid").write_bytes(b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk\0\0\0\x09\0\x90")


def broken_key(path: Path) -> None:
    track = b"\0\xff\x59\2\x09\5\0\xff\x2f\0"  # nine sharps, in a mode that is neither major nor minor
    (path / "b.mid").write_bytes(b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk" + len(track).to_bytes(4, "big") + track)


def short_stem(path: Path) -> None:
    (path / "b_stems").mkdir()
    audio.write_loop(path / "b_stems" / "kick.wav", house_loop(124.5, 1)[:, :-1], None)


def no_tempo(path: Path) -> None:
    audio.write_loop(path / "b.wav", house_loop(124.5, 1), None)


def loud(path: Path) -> None:
    soundfile.write(path / "b.wav", house_loop(124.5, 1).T * 8, 44_100, subtype="FLOAT")
    (path / "b.wav").rename(path / "b_124.5bpm.wav")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (broken_midi, r"b\.mid: is not a MIDI file \("),
        (broken_key, r"b\.mid: is not a MIDI file \(Could not decode key with 9 sharps and mode 5\); export it again"),
        (short_stem, r"kick\.wav: has \d+ frames at 44100 Hz, its loop \d+ at 44100; export both alike"),
        (no_tempo, r"b\.wav: neither its tags nor its name give a tempo; pass --bpm"),
        (loud, r"b_124\.5bpm\.wav: peaks .* dB above full scale"),
    ],
)
def test_a_loop_that_does_not_fit_is_one_line_and_leaves_nothing(loops: Path, tmp_path: Path, damage, message) -> None:
    damage(loops)
    with pytest.raises(FourfloorError, match=message) as caught:
        pack([loops], tmp_path / "demo")
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_a_full_disk_leaves_nothing(loops: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fourfloor.packs.formats import sf2

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sf2, "write", full)
    with pytest.raises(FourfloorError, match=r"demo: cannot write the pack \(No space left on device\)"):
        pack([loops], tmp_path / "demo")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_a_loop_that_cannot_be_taken_apart_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "mono 126bpm.wav", house_loop(126.0, 1)[0], 44_100)
    with pytest.raises(FourfloorError, match="mono") as refused:
        ff.pack(tmp_path / "mono 126bpm.wav", tmp_path / "demo", stems=True)
    assert "\n" not in str(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == ["mono 126bpm.wav"]


def test_a_pack_is_not_replaced_by_its_own_loops(loops: Path, tmp_path: Path) -> None:
    pack([loops], tmp_path / "demo", formats=["csv"])
    before = files_in(tmp_path / "demo")
    with pytest.raises(FourfloorError, match="the loops lie in this pack, which would be replaced"):
        pack([tmp_path / "demo" / "loops"], tmp_path / "demo", overwrite=True)
    assert files_in(tmp_path / "demo") == before


def test_stems_that_differ_by_case_alone_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x_124bpm_stems").mkdir()
    for path in (
        tmp_path / "x_124bpm.wav",
        *(tmp_path / "x_124bpm_stems" / f"{name}.wav" for name in ("Kick", "kick")),
    ):
        audio.write_loop(path, house_loop(124, 1), None)
    with pytest.raises(FourfloorError, match="two of its stems have one name but for special characters or case"):
        pack([tmp_path / "x_124bpm.wav"], tmp_path / "demo", formats=[])


def test_a_folder_with_the_name_of_a_file_is_refused(loops: Path, tmp_path: Path) -> None:
    with pytest.raises(FourfloorError, match=r"demo\.zip: pass --zip to write a zip file"):
        pack([loops], tmp_path / "demo.zip")
    with pytest.raises(FourfloorError, match=r"loop\.wav: is the name of a file, but --out is a folder; try .*loop$"):
        pack([loops], tmp_path / "loop.wav")
    (tmp_path / "loop.wav").mkdir()
    pack([loops], tmp_path / "loop.wav", formats=[])


def test_a_pack_of_notes_alone_says_where_there_are_none(loops: Path, tmp_path: Path) -> None:
    report = pack([loops / "b.wav"], tmp_path / "demo", formats=["midi"])
    assert report.notes == ("no loop has a MIDI file beside it: add --midi to transcribe them",)
