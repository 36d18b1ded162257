#!/usr/bin/env bash
# pyrekordbox 0.5.0 writes an absolute POSIX path into a Rekordbox XML with a second slash, which a URL reader keeps.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q pyrekordbox==0.5.0 2>/dev/null
v/bin/python - <<'P'
from importlib.metadata import version
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree
from pyrekordbox import RekordboxXml
x = RekordboxXml(name="x", version="1", company="y"); x.add_track("/music/a b.wav", Name="n"); x.save("x.xml")
url = next(ElementTree.parse("x.xml").iter("TRACK")).get("Location"); path = unquote(urlsplit(url).path)
own = RekordboxXml("x.xml").get_track(0).Location
print("pyrekordbox", version("pyrekordbox"), "wrote", url, "whose path is", path, "and reads it back as", own)
raise SystemExit(0 if (path, own) == ("//music/a b.wav", "/music/a b.wav") else "changed")
P
