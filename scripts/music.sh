#!/usr/bin/env bash
# Fetch open music from Debian's own packages; no root needed.
# usage: scripts/music.sh FOLDER [LIST]
#
# By default the music that the bundled model was trained on: Kenta Cho's, under the 2-clause BSD license. With
# scripts/music-judge.txt music of five others, to judge and adapt by. Their licenses, GPL and CC-BY-SA, sit badly with
# free weights: it is never shipped, and no bundled model is trained on it. Each package's notice is kept beside its
# tracks. A list holds SHA-256, package, path in the package (? for a space), name here and, where it is known, BPM;
# nothing else is unpacked. Names and BPM are written to tempo.csv beside the tracks.
set -euo pipefail
target=${1:?usage: scripts/music.sh FOLDER [LIST]}
list=$(realpath "${2:-$(dirname "$0")/music.txt}")
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
        tar -xOf package.tar --wildcards "$path" > track
        echo "$hash  track" | sha256sum --check --quiet || { echo "music.sh: $name differs from the list" >&2; exit 2; }
        mv track "$target/$name"
    done < "$list"
done
awk 'BEGIN {print "file,bpm"} $5 {print $4 "," $5}' "$list" > "$target/tempo.csv"
echo "$target: $(wc -l < "$list") tracks"
