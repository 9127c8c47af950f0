#!/bin/sh
# Prints a Python of 3.11 to 3.13 that starts, 3.12 first; nothing is ever downloaded.
for name in python3.12 python3.13 python3.11 python3 python; do
    path=$(command -v "$name" 2>/dev/null) || continue
    if "$path" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
        "$path" -c 'import sys; print(sys.executable)'
        exit 0
    fi
done
echo "Twoway needs Python 3.11, 3.12 or 3.13 on the PATH and found none (python3 is $(python3 --version 2>/dev/null || echo missing))." >&2
exit 1
