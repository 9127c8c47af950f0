#!/usr/bin/env bash
# Request Tracker 5 from Debian, and in FOLDER a new database with the users and rights of the tests, which every start copies.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
folder=$(cd "$1" && pwd)
# Debian's security fixes change what follows, and an older one can't be installed any more.
version=5.0.3
missing=()
for package in request-tracker5 rt5-db-sqlite starman; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
    if [ "$(id -u)" -ne 0 ]; then
        echo "Debian packages are missing: ${missing[*]}. Install them as root: apt-get install --no-install-recommends ${missing[*]}" >&2
        exit 1
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >"$folder/install.log" 2>&1 || { cat "$folder/install.log" >&2; exit 1; }
fi
found=$(dpkg-query -W -f='${Version}' request-tracker5)
if [[ $found != "$version"[+-]* ]]; then
    echo "request-tracker5 is $found; the tests know $version of Debian 12. Run them there, or raise the version in $0." >&2
    exit 1
fi

made=$folder/template.new
rm -rf "$made"
mkdir -p "$made/config.d"
export RT_SITE_CONFIG=$here/RT_SiteConfig.pm RT_SITE_CONFIG_DIR=$made/config.d RT_TEST_FOLDER=$made RT_TEST_PORT=8080
{
    rt-setup-database-5 --action init --skip-create --dba '' --dba-password ''
    rt-setup-database-5 --action insert --skip-create --dba '' --dba-password '' --datafile "$here/initialdata.pl"
} >"$folder/install.log" 2>&1 || { cat "$folder/install.log" >&2; exit 1; }
if [ ! -s "$made/token" ]; then
    cat "$folder/install.log" >&2
    exit 1
fi
rm -rf "$folder/template"
mv "$made" "$folder/template"
