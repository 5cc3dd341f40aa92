"""What a visitor must see, asked of the public address over real HTTP and HTTPS, name by name."""

import base64
import ssl
from dataclasses import dataclass, field

import httpx

from resonant.application import Description, Page, Web
from resonant.errors import CheckFailed

TIMEOUT_SECONDS = 10
# A proxy on the way, as in the rehearsal, accepts the connection and then has nobody to pass it to.
UNANSWERED = (httpx.ConnectTimeout, httpx.ConnectError, httpx.ReadError, httpx.RemoteProtocolError)
OPEN = (101, 200)
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": base64.b64encode(b"resonant-ops key").decode(),
}


@dataclass(frozen=True)
class Visit:
    """One name of the site at one address; `ca_pem` is trusted besides the system's authorities.

    `health` and `websockets` are paths that are open to visitors.
    """

    name: str
    address: str
    ca_pem: str = ""
    page: Page = field(default_factory=Page)
    health: tuple[str, ...] = ()
    websockets: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("a visit needs a name")


def build_visit(name: str, address: str, ca_pem: str, description: Description) -> Visit:
    """What a visitor of this application must find."""
    health = [web.health for web in description.web.values() if _is_public(web)]
    websockets = [path for web in description.web.values() for path in web.websockets]
    return Visit(name, address, ca_pem, description.page, tuple(health), tuple(websockets))


def check_site(visit: Visit) -> list[str]:
    """What was seen, a line each; raises CheckFailed naming everything that was not as it must be."""
    seen, wrong = [], []
    with open_client(visit) as client:
        for check in (check_redirect, check_page, check_health, check_websockets):
            try:
                seen += check(client, visit)
            except CheckFailed as error:
                wrong.append(str(error))
            except httpx.HTTPError as error:
                wrong.append(f"{error.request.url} (as {visit.name}): {_why(error)}")
    if wrong:
        raise CheckFailed("From outside: " + "; ".join(dict.fromkeys(wrong)))
    return seen


def open_client(visit: Visit) -> httpx.Client:
    context = ssl.create_default_context()
    if visit.ca_pem.strip():
        context.load_verify_locations(cadata=visit.ca_pem)
    return httpx.Client(verify=context, timeout=TIMEOUT_SECONDS, trust_env=False)


def ask(client: httpx.Client, visit: Visit, path: str, scheme: str = "https", **headers: str) -> httpx.Response:
    """Connect to the address whatever the name resolves to, and speak to the name."""
    return client.get(
        f"{scheme}://{visit.address}{path}",
        headers={"Host": visit.name, **headers},
        extensions={"sni_hostname": visit.name} if visit.name != visit.address else {},
    )


def check_redirect(client: httpx.Client, visit: Visit) -> list[str]:
    answer, wanted = ask(client, visit, "/", "http"), f"https://{visit.name}/"
    _expect(answer.status_code == 301 and answer.headers.get("Location") == wanted, answer, f"a redirect to {wanted}")
    return [f"http://{visit.name}/ redirects to HTTPS"]


def check_page(client: httpx.Client, visit: Visit) -> list[str]:
    answer = ask(client, visit, visit.page.path)
    contains = visit.page.contains
    _expect(answer.status_code == 200 and contains in answer.text, answer, f"the page with {contains!r}")
    _expect("Strict-Transport-Security" in answer.headers, answer, "Strict-Transport-Security")
    return [f"https://{visit.name}{visit.page.path} serves the page with a valid certificate"]


def check_health(client: httpx.Client, visit: Visit) -> list[str]:
    for path in visit.health:
        answer = ask(client, visit, path)
        _expect(answer.is_success or answer.is_redirect, answer, "well")
    return [f"https://{visit.name}{path} is well" for path in visit.health]


def check_websockets(client: httpx.Client, visit: Visit) -> list[str]:
    for path in visit.websockets:
        url = f"https://{visit.address}{path}"
        extensions = {"sni_hostname": visit.name} if visit.name != visit.address else {}
        with client.stream("GET", url, headers={"Host": visit.name, **UPGRADE}, extensions=extensions) as answer:
            # A server that streams events answers 200 to the same question.
            if answer.status_code not in OPEN:
                answer.read()
            _expect(answer.status_code in OPEN, answer, "a WebSocket or a stream")
    return [f"wss://{visit.name}{path} is open" for path in visit.websockets]


def check_maintenance(visit: Visit) -> list[str]:
    """While the maintenance page is on: every visitor gets it."""
    with open_client(visit) as client:
        answer = ask(client, visit, visit.page.path)
        _expect(answer.status_code == 503 and "Retry-After" in answer.headers, answer, "the maintenance page")
    return [f"https://{visit.name}/ shows the maintenance page"]


def _is_public(web: Web) -> bool:
    return any(web.health == path or (path.endswith("/") and web.health.startswith(path)) for path in web.paths)


def _expect(holds: bool, answer: httpx.Response, what: str) -> None:
    if not holds:
        body = "" if answer.status_code in OPEN and not answer.is_closed else answer.text[:120]
        raise CheckFailed(
            f"{answer.request.url} (as {answer.request.headers['Host']}) answered {answer.status_code}, not {what}: {body}"
        )


def _why(error: httpx.HTTPError) -> str:
    if isinstance(error, UNANSWERED) and "CERTIFICATE" not in str(error):
        return (
            f"no answer ({str(error) or type(error).__name__}). Are the security list and the host's firewall open for 80 and "
            "443, and is nginx running?"
        )
    return str(error) or type(error).__name__
