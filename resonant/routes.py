"""nginx's part of a release: where each path leads. Fixed addresses, so that nginx asks no resolver and starts whatever is down."""

from collections.abc import Collection, Iterable

from resonant.application import Description, Web
from resonant.slots import Placement

# Less than the time after which common servers close an idle connection (uvicorn, Node: 5 s): nginx must be the one that closes.
IDLE_SECONDS = 3
KEPT_CONNECTIONS = 64


def render_upstreams(description: Description, placement: Placement) -> str:
    lines = []
    for service, web in sorted(description.web.items()):
        entry = placement.find(service)
        if entry is None or not (web.paths or web.websockets):
            continue
        lines += [
            f"upstream {_name(service)} {{",
            f"    server {entry.address}:{entry.port};",
            f"    keepalive {KEPT_CONNECTIONS};",
            f"    keepalive_timeout {IDLE_SECONDS}s;",
            "}",
        ]
    return "\n".join([*lines, ""])


def render_locations(description: Description) -> str:
    public = sorted(description.web.items())
    exact = {path for web in description.web.values() for path in (*web.paths, *web.websockets)}
    return "\n".join([*(line for service, web in public for line in _locations(service, web, exact)), ""])


def render_site(placement: Placement) -> str:
    """The number that the reloaded nginx tells, so that it is known which configuration serves."""
    return f'map $host $activation {{\n    default "{placement.activation}";\n}}\n'


def render_policy(description: Description) -> str:
    return f'add_header Content-Security-Policy "{description.content_security_policy}" always;\n'


def _locations(service: str, web: Web, told: Collection[str]) -> Iterable[str]:
    for path in web.paths:
        if path.endswith("/"):
            yield (
                f"location ^~ {path} {{ proxy_pass http://{_name(service)}; }}"
                if path != "/"
                else (f"location / {{ proxy_pass http://{_name(service)}; }}")
            )
            if path != "/" and path.rstrip("/") not in told:
                yield f"location = {path.rstrip('/')} {{ return 404; }}"
        else:
            yield f"location = {path} {{ proxy_pass http://{_name(service)}; }}"
    for path in web.websockets:
        yield f"location {'^~' if path.endswith('/') else '='} {path} {{ include websocket.conf; proxy_pass http://{_name(service)}; }}"


def _name(service: str) -> str:
    return f"app_{service}"
