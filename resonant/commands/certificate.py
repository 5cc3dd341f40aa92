"""The bootstrap certificate: self-signed, so that nginx can serve HTTPS before a CA has been asked."""

from collections.abc import Sequence

from resonant.commands.shell import Command, script
from resonant.paths import BOOTSTRAP_TLS, CURRENT_TLS

VALID_DAYS = 30


def create_bootstrap(alternative_names: Sequence[str]) -> Command:
    """`alternative_names` as openssl spells them: "IP:203.0.113.10", "DNS:example.org"."""
    return script(
        "umask 077",
        'rm -rf "$1.part" && mkdir -p "$1.part"',
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days " + str(VALID_DAYS) + " "
        '-subj "/CN=Resonant bootstrap certificate" -addext "subjectAltName=$2" '
        '-addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "extendedKeyUsage=serverAuth" '
        '-keyout "$1.part/privkey.pem" -out "$1.part/fullchain.pem" 2>&1',
        'rm -rf "$1" && mv -T "$1.part" "$1"',
        f'[ -e {CURRENT_TLS} ] || ln -sfn "$(basename "$1")" {CURRENT_TLS}',
        arguments=[BOOTSTRAP_TLS, ",".join(alternative_names)],
    )
