#!/usr/bin/env bash
# Sourced by the other scripts: everything they need on a machine that has only git and python3.

unset PYTHONDONTWRITEBYTECODE
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv="$checkout/.venv"
export DO_NOT_TRACK=1 PREFECT_SERVER_ANALYTICS_ENABLED=false
export PYTHONPATH="$checkout"

say() { printf '%s\n' "$*" >&2; }

# fail MESSAGE: what is wrong and what to do next; exit code 2.
fail() {
    say "$(basename "$0"): $*"
    exit 2
}

# ensure_packages COMMAND=PACKAGE…: install the Debian packages whose command is missing.
ensure_packages() {
    local pair missing=()
    for pair in "$@"; do
        [ -x "${pair%%=*}" ] || command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
    done
    [ ${#missing[@]} -eq 0 ] && return
    command -v apt-get >/dev/null || fail "needs ${missing[*]}: install them with this system's package manager."
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        sudo -n true 2>/dev/null || fail "needs the packages ${missing[*]}: run 'sudo apt-get install ${missing[*]}' once."
        as_root=(sudo -n)
    fi
    say "Installing ${missing[*]}"
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive sh -c \
        'apt-get install -y -qq --no-install-recommends "$@" || { apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@"; }' \
        sh "${missing[@]}" >"${TMPDIR:-/tmp}/resonant-apt.$$.log" 2>&1 ||
        fail "apt-get could not install ${missing[*]}: $(tail -n 3 "${TMPDIR:-/tmp}/resonant-apt.$$.log")"
    rm -f "${TMPDIR:-/tmp}/resonant-apt.$$.log"
}

find_python() {
    local candidate
    for candidate in python3 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    fail "needs Python 3.11, 3.12 or 3.13; found $(python3 --version 2>&1)."
}

# ensure_venv FOLDER LOCK…: exactly the locked packages, by hash; nothing to do when the locks have not changed.
ensure_venv() {
    local folder=$1 stamp
    shift
    stamp=$(cat "$@" "$checkout/requirements-uv.lock" | sha256sum | cut -d' ' -f1)
    [ "$(cat "$folder/.locked" 2>/dev/null)" = "$stamp" ] && return
    local python
    python=$(find_python)
    "$python" -c 'import ensurepip' 2>/dev/null || ensure_packages "no-such-command=python3-venv"
    say "Setting up the Python environment $(basename "$folder")"
    "$python" -m venv --clear "$folder" || fail "could not create $folder: is the disk full?"
    "$folder/bin/pip" install -q --disable-pip-version-check --no-deps --require-hashes -r "$checkout/requirements-uv.lock" ||
        fail "pip could not install uv: is the package index reachable?"
    local locks=()
    for lock in "$@"; do locks+=(-r "$lock"); done
    "$folder/bin/uv" pip install -q --system-certs --python "$folder/bin/python" --require-hashes "${locks[@]}" ||
        fail "the locked packages could not be installed: is the package index reachable, and the disk not full?"
    printf '%s' "$stamp" >"$folder/.locked"
}

ensure_project() { ensure_venv "$venv" "$checkout/requirements-dev.lock"; }
