#!/usr/bin/env bash
# Install the programs that tests/readers runs our packs with: Debian packages, PyPI packages in .venv-readers and npm
# packages in build/readers. Some are GPL or AGPL: they are run by tests and never shipped.
set -euo pipefail
cd "$(dirname "$0")/.."

debian=(sox ffmpeg flac fluidsynth timidity csound supercollider-server supercollider-language puredata-core chuck
        hydrogen openmpt123 libxml2-utils chromium)
command -v npm >/dev/null || debian+=(nodejs npm) # another source's Node.js brings npm and conflicts with Debian's
missing=()
for package in "${debian[@]}"; do
    dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null | grep -q '^install ok' || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
    if [ "$(id -u)" = 0 ]; then
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --no-install-recommends "${missing[@]}"
    else
        echo "for all readers: sudo apt-get install ${missing[*]}" >&2
    fi
fi

python3 -m venv .venv-readers
.venv-readers/bin/pip install --quiet --disable-pip-version-check --requirement tests/readers/requirements.txt

if command -v npm >/dev/null; then
    mkdir -p build/readers
    cp tests/readers/js/package.json build/readers/
    npm install --prefix build/readers --no-audit --no-fund --silent
fi
