#!/usr/bin/env bash
# Look what users install through for known faults, and write its bill of materials (CycloneDX).
# It fails as well where a package could not be looked up: an audit of nothing is none.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mkdir -p build
.venv-audit/bin/cyclonedx-py requirements requirements/runtime.txt \
    --pyproject pyproject.toml --output-format JSON --output-file build/bom.json
echo "The bill of materials is build/bom.json."
.venv-audit/bin/pip-audit --requirement requirements/runtime.txt --require-hashes --disable-pip \
    --strict --progress-spinner off
