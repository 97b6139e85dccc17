#!/usr/bin/env bash
# Print the interpreter that .venv is made from: the first of PYTHON and the usual names that is new enough.
set -euo pipefail

first_that_can() {
    local name
    for name in ${PYTHON:-} python3.13 python3.12 python3.11 python3; do
        # A name on the path may be a shim without an interpreter behind it, so each one is run.
        if "${name}" -c "$1" 2>/dev/null; then
            command -v "${name}"
            return
        fi
    done
    return 1
}

new_enough='import sys; assert sys.version_info >= (3, 11)'
if ! first_that_can "${new_enough}; import ensurepip, venv" && ! first_that_can "${new_enough}"; then
    echo "Holdfast needs Python 3.11 or newer; none of python3.13, python3.12, python3.11 and" \
        "python3 is that. Install one, or name it: make PYTHON=/path/to/python" >&2
    exit 1
fi
