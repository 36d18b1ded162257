#!/usr/bin/env bash
# Fetch the open music that the bundled model was trained on, from Debian's own packages; no root needed.
# usage: scripts/music.sh FOLDER
#
# The tracks are Kenta Cho's, under the 2-clause BSD license; each package's copyright notice is kept beside them.
# scripts/music.txt lists SHA-256, package, path in the package, name here and BPM; nothing else is unpacked. Name and
# BPM are written to tempo.csv beside the tracks, for what measures the tempo tracker.
set -euo pipefail
list=$(cd "$(dirname "$0")" && pwd)/music.txt
target=${1:?usage: scripts/music.sh FOLDER}
command -v apt-get >/dev/null || { echo "music.sh: needs apt-get (Debian or a relative of it)" >&2; exit 2; }
mkdir -p "$target"
target=$(cd "$target" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
awk '{print $2}' "$list" | sort -u | while read -r package; do
    echo "fetching $package"
    apt-get download -qq "$package" 2>/dev/null || { echo "music.sh: cannot download $package; run apt-get update" >&2; exit 2; }
    dpkg-deb --fsys-tarfile "$package"_*.deb > package.tar
    folder=$target/${package%-data}
    mkdir -p "$folder"
    tar -xOf package.tar "./usr/share/doc/$package/copyright" > "$folder/COPYRIGHT"
    while read -r hash owner path name _; do
        [ "$owner" = "$package" ] || continue
        tar -xOf package.tar "$path" > track
        echo "$hash  track" | sha256sum --check --quiet || { echo "music.sh: $name differs from the list" >&2; exit 2; }
        mv track "$target/$name"
    done < "$list"
done
awk 'BEGIN {print "file,bpm"} {print $4 "," $5}' "$list" > "$target/tempo.csv"
echo "$target: $(wc -l < "$list") tracks"
