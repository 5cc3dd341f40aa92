"""Names the site answers to: the domain when there is one, and always the address."""

from resonant.settings import Settings


def read_names(settings: Settings, address: str) -> tuple[str, ...]:
    """The canonical name comes first."""
    return tuple(name for name in (settings.domain, address) if name)


def render_alternative_names(settings: Settings, address: str) -> tuple[str, ...]:
    """As openssl spells them."""
    return tuple(f"DNS:{name}" if name == settings.domain else f"IP:{name}" for name in read_names(settings, address))


def parse_alternative_names(text: str) -> set[str]:
    """Of `openssl x509 -ext subjectAltName`, which says "IP Address:" where it reads "IP:".

    >>> sorted(parse_alternative_names("DNS:example.org, IP Address:203.0.113.10"))
    ['DNS:example.org', 'IP:203.0.113.10']
    """
    return {part.strip().replace("IP Address:", "IP:") for part in text.split(",") if part.strip()}


def render_nginx_names(settings: Settings, address: str) -> str:
    """The map from a visitor's Host to one of our names; a Host that is not ours is sent to the canonical one."""
    names = read_names(settings, address)
    lines = [f'    "{name}" "{name}";' for name in names]
    return "\n".join(["map $host $canonical_host {", f'    default "{names[0]}";', *lines, "}", ""])
