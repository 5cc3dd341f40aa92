#!/bin/bash
# The official image's behaviour, as far as Compose files rely on it: a first start makes the cluster, the role, the
# database and runs /docker-entrypoint-initdb.d; a later one just starts.
set -Eeuo pipefail

# Takes a setting from its variable, or from the file that the variable with _FILE names.
read_setting() {
    local name=$1 default=${2:-} file="${1}_FILE"
    if [ -n "${!name:-}" ] && [ -n "${!file:-}" ]; then
        echo "error: both $name and $file are set" >&2
        exit 1
    fi
    if [ -n "${!file:-}" ]; then
        default=$(<"${!file}")
    fi
    export "$name=${!name:-$default}"
    unset "$file"
}

create_cluster() {
    if [ -z "$POSTGRES_PASSWORD" ] && [ "$POSTGRES_HOST_AUTH_METHOD" != trust ]; then
        echo "Error: Database is uninitialized and superuser password is not specified (POSTGRES_PASSWORD)." >&2
        exit 1
    fi
    eval 'initdb --username="$POSTGRES_USER" --pwfile=<(printf "%s\n" "$POSTGRES_PASSWORD") '"$POSTGRES_INITDB_ARGS"
    printf '\nhost all all all %s\n' "${POSTGRES_HOST_AUTH_METHOD:-$(postgres -C password_encryption)}" >>"$PGDATA/pg_hba.conf"
}

run_sql() {
    PGHOST='' psql --no-psqlrc --set ON_ERROR_STOP=1 --no-password --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" "$@"
}

run_initial_scripts() {
    local file
    for file in /docker-entrypoint-initdb.d/*; do
        # shellcheck source=/dev/null
        case "$file" in
        *.sh) if [ -x "$file" ]; then "$file"; else . "$file"; fi ;;
        *.sql) run_sql --file "$file" ;;
        *.sql.gz) gunzip --stdout "$file" | run_sql ;;
        esac
    done
}

prepare_cluster() {
    create_cluster
    # Sockets only, so that nobody mistakes this server for the finished one.
    PGPASSWORD="$POSTGRES_PASSWORD" pg_ctl --pgdata "$PGDATA" --options "-c listen_addresses='' -p 5432" --wait start
    export PGPASSWORD="$POSTGRES_PASSWORD"
    if [ "$POSTGRES_DB" != postgres ]; then
        run_sql --dbname postgres --set "db=$POSTGRES_DB" <<<'CREATE DATABASE :"db";'
    fi
    run_initial_scripts
    pg_ctl --pgdata "$PGDATA" --mode fast --wait stop
    unset PGPASSWORD
}

if [ "${1:0:1}" = - ]; then
    set -- postgres "$@"
fi
if [ "$1" = postgres ] && [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA"
    chmod 0700 "$PGDATA"
    find "$PGDATA" /var/run/postgresql \! -user postgres -exec chown postgres:postgres '{}' +
    exec gosu postgres "${BASH_SOURCE[0]}" "$@"
fi
if [ "$1" = postgres ]; then
    read_setting POSTGRES_PASSWORD
    read_setting POSTGRES_USER postgres
    read_setting POSTGRES_DB "$POSTGRES_USER"
    read_setting POSTGRES_INITDB_ARGS
    : "${POSTGRES_HOST_AUTH_METHOD:=}"
    if [ ! -s "$PGDATA/PG_VERSION" ]; then
        prepare_cluster
    fi
fi
exec "$@"
