#!/bin/sh
# As in the official image: templates become configuration, scripts run, then the command takes over.
set -eu

if [ "$1" = nginx ] || [ "$1" = nginx-debug ]; then
    for template in /etc/nginx/templates/*.template; do
        [ -e "$template" ] || continue
        # Only variables that are set, so that nginx keeps its own.
        # shellcheck disable=SC2016
        defined=$(env | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/${\1} /p' | tr -d '\n')
        target=/etc/nginx/conf.d/$(basename "$template" .template)
        envsubst "$defined" <"$template" >"$target"
    done
    for script in /docker-entrypoint.d/*.sh; do
        [ ! -x "$script" ] || "$script"
    done
fi
exec "$@"
