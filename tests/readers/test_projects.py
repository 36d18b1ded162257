"""DAWproject by its schema and by another DAW's reader; sample maps and Web Audio by their own code."""

import subprocess
import zipfile
from pathlib import Path

import pytest
from playing import loops_of, node, program, run

SCHEMAS = Path(__file__).with_name("dawproject")


def test_the_dawproject_follows_bitwig_s_schemas(packed_loops: Path, tmp_path: Path) -> None:
    xmllint = program("xmllint", "libxml2-utils")
    with zipfile.ZipFile(packed_loops / "played.dawproject") as archive:
        for name, schema in (("project.xml", "Project.xsd"), ("metadata.xml", "MetaData.xsd")):
            (tmp_path / name).write_bytes(archive.read(name))
            run([xmllint, "--noout", "--schema", SCHEMAS / schema, name], tmp_path)


def test_opendaw_reads_tempo_clips_and_notes(packed_loops: Path, tmp_path: Path) -> None:
    read = node("dawproject", "@opendaw/lib-dawproject", tmp_path, packed_loops / "played.dawproject")
    project, loops = read["project"], loops_of(packed_loops)
    assert project["transport"]["tempo"]["value"] == pytest.approx(loops[0]["bpm"], abs=1e-6)
    assert (project["transport"]["timeSignature"]["numerator"], len(project["structure"])) == (4, 1 + 3 * 5)
    lanes = project["arrangement"]["lanes"]["lanes"]
    clips = [clip for lane in lanes for inner in lane["lanes"] for clip in inner.get("clips", [])]
    assert len(clips) == 3 * 5
    assert [(clip["time"], clip["duration"], clip["loopStart"], clip["loopEnd"]) for clip in clips] == [
        (32 * number, 32, 0, 16) for number in range(3) for _ in range(5)]  # fmt: skip
    sounds = [clip["content"][0] for clip in clips if "warps" in clip["content"][0]]
    ends = [sound["warps"][-1] for sound in sounds]
    assert [(end["time"], end["contentTime"]) for end in ends] == [
        (16, pytest.approx(loop["frames"] / 44_100, abs=1e-9)) for loop in loops for _ in range(3)]  # fmt: skip
    assert {sound["content"][0]["file"]["path"] for sound in sounds} == set(read["files"]) - {"audio/"}
    notes = [clip["content"][0]["notes"] for clip in clips if "notes" in clip["content"][0]]
    assert sorted(len(part) for part in notes) == [15] * 3 + [19] * 3


def test_strudel_finds_the_loops_and_plays_them_in_time(packed_loops: Path, tmp_path: Path) -> None:
    for number, loop in enumerate(loops_of(packed_loops)):
        cps = loop["bpm"] / 240
        read = node("strudel", "@strudel/core", tmp_path, packed_loops / "strudel.json", f"played:{number}", 4, cps)
        assert read["addresses"]["played"][number] == f"http://host/pack/loops/{loop['name']}.wav"
        assert [event[:2] for event in read["events"]] == [[0, 4], [4, 8]]
        speed = read["events"][0][2]["speed"] * loop["frames"] / 44_100  # superdough scales by the sample's length
        assert speed == pytest.approx(1, abs=1e-9)
        assert (
            f"setcps({loop['bpm']:.9g}/240); $: s('played:{number}').loopAt(4)"
            in (packed_loops / "strudel.js").read_text()
        )


def test_web_audio_decodes_and_loops_every_file_exactly(packed_loops: Path, tmp_path: Path) -> None:
    loops = loops_of(packed_loops)
    files = [packed_loops / kind / f"{loop['name']}.{end}" for kind, end in (("loops", "wav"), ("flac", "flac"))
             for loop in loops]  # fmt: skip
    read = node("webaudio", "node-web-audio-api", tmp_path, *files)
    assert read == [[loop["frames"], 0] for loop in loops] * 2


def test_chromium_shows_the_page_and_asks_for_nothing_outside(packed_loops: Path, tmp_path: Path) -> None:
    chromium = program("chromium", "chromium")
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile"]
    page = f"file://{packed_loops}/index.html"
    done = subprocess.run(
        [chromium, *options, "--virtual-time-budget=5000", "--dump-dom", page],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert done.stdout.count("<article>") == 3
    assert "http" not in done.stdout.split("<body>")[1]
