#!/usr/bin/env bash
# Write requirements/*.txt anew from pyproject.toml: tools/lock.sh [--upgrade]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

options=("$@")

compile() {
    local set_name=$1
    shift
    .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --custom-compile-command "make lock" \
        ${options[@]+"${options[@]}"} "$@" --output-file "requirements/${set_name}.txt"
}

compile installer requirements/installer.in
compile runtime pyproject.toml --all-extras --group build
compile bench pyproject.toml --group build --group bench
compile audit --group audit
compile dev pyproject.toml --all-extras --group dev \
    --constraint requirements/installer.txt --constraint requirements/runtime.txt
