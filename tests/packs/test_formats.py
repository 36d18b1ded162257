"""The formats of a pack: each states tempo, loops and names as its program wants them."""

import itertools
import struct
import tarfile
import zipfile
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree as ET

import numpy as np

from fourfloor import audio
from fourfloor.packs import FORMATS, pack
from fourfloor.packs.contents import Pack, PackedLoop
from fourfloor.packs.formats import it

from .packed import write


def test_a_soundfont_goes_on_for_eight_samples_on_both_sides_of_its_loop(loops: Path, tmp_path: Path) -> None:
    pack([loops], tmp_path / "demo", formats=["sf2"])
    font = (tmp_path / "demo/soundfont/demo.sf2").read_bytes()
    at = font.index(b"smpl")
    samples = np.frombuffer(font, "<i2", offset=at + 8, count=int.from_bytes(font[at + 4 : at + 8], "little") // 2)
    headers = list(struct.iter_unpack("<20s5IBbHH", font[font.index(b"shdr") + 8 :][:184]))[:4]
    for number, (_, start, end, begin, over, rate, *_) in enumerate(headers):
        loop = audio.decode(sorted(loops.glob("*.wav"))[number // 2])[number % 2]
        assert (begin - start, over - begin, end - over, rate) == (8, len(loop), 8, 44_100)
        assert np.abs(samples[start:end] / 32_768 - np.resize(loop, len(loop) + 16)).max() <= 2.0**-15


def test_a_dawproject_has_the_tempo_and_a_looped_clip_for_each_loop_and_stem(loops: Path, tmp_path: Path) -> None:
    report = pack([loops], tmp_path / "demo", formats=["dawproject"])
    assert report.notes == ("demo.dawproject has 126 BPM; demo_02_124p5bpm (124.5) is stretched to it",)
    with zipfile.ZipFile(tmp_path / "demo/demo.dawproject") as archive:
        assert archive.testzip() is None
        project = ET.fromstring(archive.read("project.xml"))
        files = {name for name in archive.namelist() if name.startswith("audio/")}
    assert [tempo.get("value") for tempo in project.iterfind("Transport/Tempo")] == ["126.000000"]
    clips = list(project.iter("Clip"))
    assert [(*(float(c.get(name, "nan")) for name in ("time", "duration", "loopEnd")),) for c in clips] == [
        (0, 8, 4)] * 5 + [(8, 8, 4)]  # fmt: skip
    assert {file.get("path") for file in project.iter("File")} == files
    assert len(files) == 4
    assert [float(note.get("time", "nan")) for note in project.iter("Note")] == [0.5, 0, 1, 2, 3]
    muted = [mute.get("value") for mute in project.iter("Mute")]
    assert muted == ["false", "false", "true", "true", "false", "false", "false"]  # master, mix, stems, MIDI, mix


def test_a_dawproject_states_the_channels_of_each_file(loops: Path, tmp_path: Path) -> None:
    mono = audio.decode(loops / "b.wav")[:1]
    (loops / "b_stems").mkdir()
    audio.write_loop(loops / "b_stems" / "kick.wav", mono, None)
    pack([loops / "b.wav"], tmp_path / "demo", formats=["dawproject"])
    with zipfile.ZipFile(tmp_path / "demo/demo.dawproject") as archive:
        project = ET.fromstring(archive.read("project.xml"))
    assert [file.get("channels") for file in project.iter("Audio")] == ["2", "1"]


def test_hydrogen_s_kit_and_songs_state_the_license_of_the_pack(loops: Path, tmp_path: Path) -> None:
    pack([loops / "b.wav"], tmp_path / "demo", formats=["hydrogen"], license="CC0-1.0")
    with tarfile.open(tmp_path / "demo/hydrogen/demo.h2drumkit") as archive:
        kit = archive.extractfile("demo/drumkit.xml")
        assert kit is not None
        assert ET.fromstring(kit.read()).findtext("{*}license") == "CC0-1.0"
    song = ET.parse(tmp_path / "demo/hydrogen/demo_01_124p5bpm.h2song")
    assert song.findtext("license") == "CC0-1.0"


def test_slices_are_the_loop(tmp_path: Path) -> None:
    import re

    source = write(tmp_path / "x.wav", 124, 4)
    pack([source], tmp_path / "demo", formats=["sfz"])
    text = (tmp_path / "demo/sfz/demo_01_124bpm_Fsharpmin_slices.sfz").read_text()
    spans = [tuple(map(int, span)) for span in re.findall(r"offset=(\d+) end=(\d+)", text)]
    assert len(spans) == 64
    assert (spans[0][0], spans[-1][1]) == (0, 341_419 - 1)
    assert all(end + 1 == start for (_, end), (start, _) in itertools.pairwise(spans))


def test_a_hydrogen_kit_holds_the_loops_and_one_hit_of_each_drum(loops: Path, tmp_path: Path) -> None:
    pack([loops], tmp_path / "demo", formats=["hydrogen"])
    with tarfile.open(tmp_path / "demo/hydrogen/demo.h2drumkit") as archive:
        names = archive.getnames()
        archive.extractall(tmp_path / "kit", filter="data")
    first = "demo_01_126bpm_Fsharpmin"
    assert names == [f"demo/{name}" for name in
                     ("drumkit.xml", f"{first}.wav", "demo_02_124p5bpm.wav", f"{first}_kick.wav")]  # fmt: skip
    hit = audio.decode(tmp_path / f"kit/demo/{first}_kick.wav")
    stem = audio.decode(tmp_path / f"demo/stems/{first}_kick.wav")
    assert abs(hit.shape[1] - 21_000) <= 1  # a beat
    assert min(np.abs(stem[:, at : at + 1000] - hit[:, :1000]).max() for at in (0, 21_000, 42_000, 63_000)) == 0
    song = ET.parse(tmp_path / f"demo/hydrogen/{first}.h2song")
    assert song.findtext("bpm") == "126"
    played = [(int(n.findtext("position", "-1")), n.findtext("instrument")) for n in song.iter("note")]
    assert played == [(0, "0"), (0, "2"), (48, "2"), (96, "2"), (144, "2")]


def test_a_page_asks_for_nothing_outside_and_shows_names_as_they_are(loops: Path, tmp_path: Path) -> None:
    import re

    pack([loops], tmp_path / "demo", formats=["html", "midi"], license="<script>")
    page = (tmp_path / "demo/index.html").read_text()
    for link in re.findall(r'(?:src|href)="([^"]*)"', page):
        assert (tmp_path / "demo" / link).is_file(), link
    assert "a &lt;b&gt; &amp; c" in page
    assert "<script>" not in page
    assert "<dt>Seed</dt><dd>7</dd>" in page


def test_a_table_and_a_collection_give_the_tempo(loops: Path, tmp_path: Path) -> None:
    import csv

    pack([loops], tmp_path / "demo", formats=["csv", "rekordbox"], license="=1+1")
    with open(tmp_path / "demo/loops.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["bpm"], row["key"], row["seed"], row["stems"], row["midi"], row["license"]) for row in rows] == [
        ("126", "F#min", "7", "kick bass", "yes", "'=1+1"), ("124.5", "", "", "", "no", "'=1+1")]  # fmt: skip
    collection = ET.parse(tmp_path / "demo/rekordbox.xml")
    assert [tempo.get("Bpm") for tempo in collection.iter("TEMPO")] == ["126.00", "124.50"]
    location = next(track.get("Location") for track in collection.iterfind("COLLECTION/TRACK"))
    assert location == f"file://localhost{quote(str(tmp_path))}/demo/loops/demo_01_126bpm_Fsharpmin.wav"


def test_every_format_is_a_module_that_says_where_it_was_tried() -> None:
    import importlib
    import pkgutil

    from fourfloor.packs import formats

    names = {module.name for module in pkgutil.iter_modules(formats.__path__)}
    assert names == set(FORMATS)
    for name in names - {"csv"}:
        text = " ".join((importlib.import_module(f"fourfloor.packs.formats.{name}").__doc__ or "").split())
        assert any(word in text for word in ("Tried with", "Looked at in", "Not run")), name


def test_modules_of_long_loops_keep_to_the_orders_that_players_read(tmp_path: Path) -> None:
    def loop(number: int, bars: int) -> PackedLoop:
        return PackedLoop(name=f"l{number}", title="", bpm=126, bars=bars, key=None, frames=1, sample_rate=8000,
                          channels=1)  # fmt: skip

    def sizes(bars: int, count: int = 64) -> list[int]:
        made = Pack(name="p", folder=tmp_path, home=None, license="", loops=[loop(n, bars) for n in range(count)])
        return [len(loops) for _, loops in it._modules(made)]

    assert sizes(4) == [64]  # 128 orders
    assert sizes(8) == [63, 1]  # of 256 orders, the mark of the end not counted, a player would lose the last
    assert sizes(64) == [7] * 9 + [1]
    assert sizes(1, count=130) == [64, 64, 2]
