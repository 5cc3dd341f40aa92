"""What a person sees in a browser: the dashboard through nginx, and the Prefect UI through the tunnel."""

import base64
import hashlib
import shutil
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]


@pytest.fixture(scope="module")
def browser(site) -> Iterator[Browser]:
    """Trusts the site's certificate by its key, and no other that is not signed by an authority."""
    certificate = x509.load_pem_x509_certificate(ssl.get_server_certificate((site.address, 443)).encode())
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pin = base64.b64encode(hashlib.sha256(key).digest()).decode()
    flags = [*FLAGS, f"--ignore-certificate-errors-spki-list={pin}"]
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=shutil.which("chromium"), args=flags) as browser,
    ):
        yield browser


class Visitor:
    """A page, and everything that the browser complained about or asked for."""

    def __init__(self, context: BrowserContext) -> None:
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.hosts: set[str] = set()
        self.loads = 0
        self.page.on("console", lambda said: said.type == "error" and self._complain(said.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("websocket", lambda socket: self._note(socket.url))
        self.page.on("load", lambda _: setattr(self, "loads", self.loads + 1))
        context.on("request", lambda asked: self._note(asked.url))

    def _complain(self, text: str) -> None:
        # Of this machine: another container's network came or went meanwhile.
        if "ERR_NETWORK_CHANGED" not in text:
            self.complaints.append(text)

    def _note(self, url: str) -> None:
        if host := urlsplit(url).hostname:  # data: and blob: have none
            self.hosts.add(host)


@pytest.fixture
def visitor(browser) -> Iterator[Visitor]:
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        yield Visitor(context)


def test_intent_is_answered_before_the_visitors_eyes(site, visitor, tmp_path):
    page, text = visitor.page, f"Plan a garden for bees {uuid4()}"
    page.goto(site.dashboard)
    page.get_by_test_id("intent-input").fill(text)
    page.get_by_test_id("intent-submit").click()
    row = page.get_by_test_id("intent-row").filter(has_text=text)
    expect(row).to_have_attribute("data-state", "done", timeout=20_000)
    expect(row).to_contain_text("rehearsal model")
    page.screenshot(path=tmp_path / "dashboard.png")
    assert visitor.loads == 1
    assert visitor.complaints == []
    assert visitor.hosts == {site.address}


def test_intent_of_somebody_else_appears_by_itself(site, visitor):
    visitor.page.goto(site.dashboard)
    expect(visitor.page.get_by_test_id("intent-row").first).to_be_visible()
    intent = site.create_intent("Somebody else's wish")
    row = visitor.page.get_by_test_id("intent-row").first
    expect(row).to_contain_text("Somebody else's wish", timeout=10_000)
    expect(row).to_have_attribute("data-state", "done", timeout=20_000)
    assert site.api.delete(f"/api/intents/{intent}").status_code == 204
    expect(visitor.page.get_by_text("Somebody else's wish")).to_have_count(0, timeout=10_000)
    assert (visitor.loads, visitor.complaints) == (1, [])


def test_prefect_ui_shows_the_runs_after_the_login(site, visitor, tmp_path):
    page, run = visitor.page, site.read_run(site.start_deployment("check-site/vm"))
    page.goto(f"{site.prefect_ui}runs")
    page.get_by_placeholder("admin:pass").fill(site.project_env["PREFECT_API_AUTH_STRING"])
    page.get_by_role("button", name="Login").click()
    expect(page.get_by_role("link", name=run["name"])).to_be_visible(timeout=20_000)
    page.goto(f"{site.prefect_ui}deployments")
    for name in ("go-live", "teardown", "deploy"):
        expect(page.get_by_role("link", name=name, exact=True).first).to_be_visible(timeout=20_000)
    page.screenshot(path=tmp_path / "prefect.png")
    assert visitor.hosts == {"127.0.0.1"}
