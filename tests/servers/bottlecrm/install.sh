#!/usr/bin/env bash
# BottleCRM for the tests: install.sh FOLDER. PostgreSQL and Redis come from Debian; nothing of theirs is started but by the tests.
set -euo pipefail
folder=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
uv=$here/../../../.tools/uv/bin/uv
# Some machines forbid Python to write bytecode: without it every start of the server compiles all that it imports.
export UV_SYSTEM_CERTS=1 UV_PYTHON_DOWNLOADS=never UV_COMPILE_BYTECODE=1

fail() {
    echo "$1" >&2
    exit 1
}

find_python() {
    local name path
    for name in python3.12 python3.13 python3 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[23].*/bin/python; do
        path=$(command -v "$name" 2>/dev/null) || continue
        if "$path" -c 'import sys; sys.exit(not (3, 12) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
            "$path" -c 'import sys; print(sys.executable)'
            return
        fi
    done
    fail "BottleCRM needs Python 3.12 or 3.13 beside the one that Twoway runs on, and found none on the PATH or with pyenv. Install one (none is ever downloaded here) and run this again."
}

find_postgres() {
    local bin
    for bin in /usr/lib/postgresql/*/bin "$(dirname "$(readlink -f "$(command -v postgres || true)")")"; do
        if [ -x "$bin/postgres" ] && [ -x "$bin/initdb" ]; then
            echo "$bin"
            return
        fi
    done
}

packages() {
    if [ -n "$(find_postgres)" ] && command -v redis-server >/dev/null; then return; fi
    if [ "$(id -u)" != 0 ]; then fail "BottleCRM needs PostgreSQL and Redis. Run this as root once, or: apt-get install postgresql redis-server"; fi
    # Debian's own cluster and services are not needed.
    mkdir -p /etc/postgresql-common/createcluster.d
    echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.d/tests.conf
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql redis-server >/dev/null
}

# As postgres where this is root, as whom PostgreSQL refuses to run.
unprivileged() {
    if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; else "$@"; fi
}

# A cluster that holds BottleCRM's tables, for the tests to copy. Its 90 migrations take minutes; made from the models they take seconds.
cluster() {
    local work=$1 bin=$folder/postgres
    mkdir "$work/socket"
    if [ "$(id -u)" = 0 ]; then chown -R postgres: "$work"; fi
    cd "$work"
    unprivileged "$bin/initdb" -D "$work/cluster" -U postgres -A trust -E UTF8 --locale=C.UTF-8 >/dev/null
    # The caller's subshell ends with the server stopped, whatever fails.
    trap "unprivileged '$bin/pg_ctl' -D '$work/cluster' -m fast -w stop >/dev/null" EXIT
    unprivileged "$bin/pg_ctl" -D "$work/cluster" -w -l "$work/log" \
        -o "-k '$work/socket' -c listen_addresses='' -c fsync=off" start >/dev/null || { cat "$work/log" >&2; return 1; }
    cat >"$work/from_models.py" <<'PYTHON'
from crm.settings import *


class _None(dict):
    def __contains__(self, name):
        return True

    def __getitem__(self, name):
        return None


MIGRATION_MODULES = _None()
PYTHON
    "$bin/createdb" -h "$work/socket" -U postgres crm_db
    DBHOST=$work/socket DBUSER=postgres DBNAME=crm_db PYTHONPATH=$work DJANGO_SETTINGS_MODULE=from_models \
        "$folder/venv/bin/python" -m django migrate --run-syncdb -v 0 2>"$work/said" || { cat "$work/said" >&2; return 1; }
}

packages
python=$(find_python)
mkdir -p "$folder"
folder=$(cd "$folder" && pwd -P)
ln -sfn "$(find_postgres)" "$folder/postgres"
"$uv" venv --quiet --clear --python "$python" "$folder/venv"
"$uv" pip install --quiet --python "$folder/venv/bin/python" --require-hashes --no-deps -r "$here/requirements.txt"
work=$(mktemp -d -t bottlecrm.XXXXXX)
trap 'rm -rf "$work"' EXIT
(cluster "$work")
rm -rf "$folder/cluster"
cp -R "$work/cluster" "$folder/cluster"
