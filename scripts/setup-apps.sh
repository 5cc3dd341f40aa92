#!/usr/bin/env bash
# Sourced after setup.sh by the scripts that also check or test the application in apps/.

apps_venv="${checkout:?source setup.sh first}/.venv-apps"
frontend="$checkout/apps/frontend"

ensure_apps() {
    ensure_venv "$apps_venv" "$checkout"/apps/{backend/requirements.lock,bridge/requirements.lock,requirements-test.lock}
}

# ensure_node: Node.js as apps/frontend needs it; where it is missing or too old, a locked wheel of the version that the image uses.
ensure_node() {
    node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 22 || (a === 22 && b >= 12) || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null && command -v npm >/dev/null && return
    ensure_venv "$checkout/.venv-node" "$checkout/apps/requirements-node.lock"
    PATH="$checkout/.venv-node/bin:$PATH"
}

# ensure_frontend: exactly the locked packages; nothing to do when the lock has not changed.
ensure_frontend() {
    ensure_node
    local stamp="$frontend/node_modules/.locked" wanted
    wanted=$(sha256sum <"$frontend/package-lock.json")
    [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && return
    say "Installing the frontend's packages"
    npm --prefix "$frontend" ci --no-audit --no-fund --ignore-scripts --loglevel=error ||
        fail "npm could not install the frontend's packages: is the package registry reachable?"
    printf '%s\n' "$wanted" >"$stamp"
}

# ensure_postgresql: the server's programs alone, for throwaway clusters.
ensure_postgresql() {
    local initdb=/usr/lib/postgresql/15/bin/initdb configuration=/etc/postgresql-common/createcluster.conf
    [ -x "$initdb" ] && return
    if [ "$(id -u)" -eq 0 ] && [ ! -e "$configuration" ]; then
        mkdir -p "$(dirname "$configuration")"
        # Debian's package would start a server of its own.
        echo 'create_main_cluster = false' >"$configuration"
    fi
    ensure_packages "$initdb=postgresql-15"
}
