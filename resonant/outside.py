"""What a visitor must see, asked of the public address over real HTTP and HTTPS, name by name."""

import base64
import ssl
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from resonant.errors import CheckFailed

TIMEOUT_SECONDS = 10
# A proxy on the way, as in the rehearsal, accepts the connection and then has nobody to pass it to.
UNANSWERED = (httpx.ConnectTimeout, httpx.ConnectError, httpx.ReadError, httpx.RemoteProtocolError)
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": base64.b64encode(b"resonant-ops key").decode(),
}


@dataclass(frozen=True)
class Visit:
    """One name of the site at one address; `ca_pem` is trusted besides the system's authorities."""

    name: str
    address: str
    ca_pem: str = ""

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("a visit needs a name")


def check_site(visit: Visit) -> list[str]:
    """What was seen, a line each; raises CheckFailed naming everything that was not as it must be."""
    seen, wrong = [], []
    with open_client(visit) as client:
        for check in CHECKS:
            try:
                seen.append(check(client, visit))
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


def check_redirect(client: httpx.Client, visit: Visit) -> str:
    answer, wanted = ask(client, visit, "/", "http"), f"https://{visit.name}/"
    _expect(answer.status_code == 301 and answer.headers.get("Location") == wanted, answer, f"a redirect to {wanted}")
    return f"http://{visit.name}/ redirects to HTTPS"


def check_page(client: httpx.Client, visit: Visit) -> str:
    answer = ask(client, visit, "/")
    _expect(answer.status_code == 200 and 'id="root"' in answer.text, answer, "the dashboard's page")
    _expect("Strict-Transport-Security" in answer.headers, answer, "Strict-Transport-Security")
    return f"https://{visit.name}/ serves the dashboard with a valid certificate"


def check_health(client: httpx.Client, visit: Visit) -> str:
    answer = ask(client, visit, "/api/health")
    _expect(answer.status_code == 200 and answer.json().get("status") == "ok", answer, "a healthy backend")
    return f"https://{visit.name}/api/health: database {answer.json()['database']}"


def check_websocket(client: httpx.Client, visit: Visit) -> str:
    url = f"https://{visit.address}/ws"
    extensions = {"sni_hostname": visit.name} if visit.name != visit.address else {}
    with client.stream("GET", url, headers={"Host": visit.name, **UPGRADE}, extensions=extensions) as answer:
        if answer.status_code != 101:
            answer.read()
        _expect(answer.status_code == 101, answer, "a WebSocket")
    return f"wss://{visit.name}/ws accepts WebSockets"


CHECKS: tuple[Callable[[httpx.Client, Visit], str], ...] = (check_redirect, check_page, check_health, check_websocket)


def _expect(holds: bool, answer: httpx.Response, what: str) -> None:
    if not holds:
        body = "" if answer.status_code == 101 else answer.text[:120]
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
