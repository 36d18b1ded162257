#!/usr/bin/env bash
# Fetch two kits of drum one-shots from Debian's own packages, and synthesize a third; no root needed.
# usage: scripts/kits.sh FOLDER
#
# FOLDER/fluid (from fluid-soundfont-gm, MIT license) and FOLDER/random (synthesized) are for training separator and
# transcriber, FOLDER/sonic-pi-samples (CC0) for testing them: no network is trained on it. Each package's copyright
# notice is kept beside the sounds.
set -euo pipefail
scripts=$(cd "$(dirname "$0")" && pwd)
target=${1:?usage: scripts/kits.sh FOLDER}
command -v apt-get >/dev/null || { echo "kits.sh: needs apt-get (Debian or a relative of it)" >&2; exit 2; }
mkdir -p "$target"
target=$(cd "$target" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in fluid-soundfont-gm sonic-pi-samples; do
    echo "fetching $package"
    apt-get download -qq "$package" 2>/dev/null || { echo "kits.sh: cannot download $package; run apt-get update" >&2; exit 2; }
    dpkg-deb -x "$package"_*.deb "$package"
done
mkdir -p "$target/fluid" "$target/sonic-pi-samples"
"$scripts/../.venv/bin/python" "$scripts/soundfont_kit.py" fluid-soundfont-gm/usr/share/sounds/sf2/FluidR3_GM.sf2 "$target/fluid"
cp sonic-pi-samples/usr/share/sonic-pi/samples/*.flac "$target/sonic-pi-samples"
cp fluid-soundfont-gm/usr/share/doc/fluid-soundfont-gm/copyright "$target/fluid/COPYRIGHT"
cp sonic-pi-samples/usr/share/doc/sonic-pi-samples/copyright "$target/sonic-pi-samples/COPYRIGHT"
"$scripts/../.venv/bin/python" "$scripts/random_kit.py" "$target/random"
echo "$target: fluid, random, sonic-pi-samples"
