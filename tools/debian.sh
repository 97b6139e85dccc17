#!/usr/bin/env bash
# Install Debian packages, or say which ones are missing: tools/debian.sh PACKAGE…
set -euo pipefail

if [[ ${EUID} -ne 0 ]] || ! command -v apt-get >/dev/null; then
    echo "Missing: $*. On Debian, install with: sudo apt-get install $*" >&2
    exit 1
fi

export DEBIAN_FRONTEND=noninteractive
echo "Installing $* with apt-get." >&2
apt-get -q -o DPkg::Lock::Timeout=120 update </dev/null
apt-get -q -y -o DPkg::Lock::Timeout=120 install --no-install-recommends "$@" </dev/null
