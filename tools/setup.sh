#!/usr/bin/env bash
# Bring .venv to a locked set and install this checkout into it: tools/setup.sh runtime|dev
#
# An environment that is already there is kept; what it holds besides the set is left alone.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

set_name=$1
python=.venv/bin/python

make_environment() {
    local interpreter
    interpreter=$(tools/python.sh)
    if ! "${interpreter}" -c 'import ensurepip, venv' 2>/dev/null; then
        # Debian ships this half of the standard library as a package of its own.
        tools/debian.sh "$("${interpreter}" -c \
            'import sys; print("python{}.{}-venv".format(*sys.version_info))')"
    fi
    echo "Making .venv with ${interpreter}." >&2
    "${interpreter}" -m venv --clear .venv
}

pip_install() {
    "${python}" -m pip install --quiet --disable-pip-version-check --no-input "$@"
}

install_set() {
    local locked=(--require-hashes --only-binary :all: --requirement "requirements/$1.txt")
    pip_install --require-hashes --only-binary :all: --requirement requirements/installer.txt
    if ! .venv/bin/uv pip install --quiet --python "${python}" "${locked[@]}"; then
        echo "uv could not install the set; trying pip, which reads other network settings." >&2
        pip_install "${locked[@]}"
    fi
}

if ! "${python}" -c 'import sys, pip; assert sys.version_info >= (3, 11)' 2>/dev/null; then
    make_environment
fi
echo "Installing the locked set '${set_name}' into .venv." >&2
install_set "${set_name}"
pip_install --no-deps --no-build-isolation --no-index --editable .

# The development set holds the runtime set in the same versions.
touch .venv/.runtime
if [[ ${set_name} == dev ]]; then
    touch .venv/.dev
fi
