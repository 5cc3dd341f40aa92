"""The site closed to visitors, and open again."""

from prefect import get_run_logger

from resonant.commands import maintenance as commands
from resonant.errors import CheckFailed
from resonant.maintenance import Notice, back, parse_notice, render_notice, render_pages, says_already
from resonant.names import read_names
from resonant.outside import Visit, ask, open_client
from resonant.remote import Host
from resonant.settings import Settings
from tasks.options import step
from tasks.shell import run


@step("read notice", retries=2)
def read_notice(host: Host) -> Notice | None:
    """What visitors are told instead of the site; None: the site is open."""
    return parse_notice(run(host, commands.read()))


@step("maintenance page", retries=2)
def ensure_notice(host: Host, known: Notice | None, wanted: Notice | None) -> tuple[str, ...]:
    """Show the page, with these words, or none; nginx looks for it on every request, so nothing is reloaded."""
    if wanted is None:
        return _open(host) if known else ()
    if says_already(known, wanted):
        return ()
    pages = render_pages(wanted)
    run(host, commands.switch_on(pages.folder, pages.html, pages.json, render_notice(wanted)))
    get_run_logger().info("the site is closed: %s %s", wanted.message, back(wanted))
    verb = "changed the text of the maintenance page" if known else "closed the site with the maintenance page"
    return (f"{verb}: {wanted.message} {back(wanted)}".strip(),)


@step("see the maintenance page", timeout_seconds=60, retries=1)
def check_notice(settings: Settings, address: str, ca_pem: str, *, is_on: bool) -> str:
    """Ask as a visitor; raises CheckFailed when nginx does not do what the files say."""
    visit = Visit(read_names(settings, address)[0], address, ca_pem)
    with open_client(visit) as client:
        answer = ask(client, visit, "/")
    is_closed = answer.status_code == 503 and 'id="maintenance"' in answer.text
    if is_on and not is_closed:
        raise CheckFailed(
            f"{answer.request.url} answered {answer.status_code} and not the maintenance page. Does the release that serves "
            "come from before the page existed? Then deploy once, and run this flow again."
        )
    if is_closed and not is_on:
        raise CheckFailed(f"{answer.request.url} still shows the maintenance page, though it was switched off.")
    return f"a visitor is answered {answer.status_code}" + (
        f", Retry-After {answer.headers.get('Retry-After')}" if is_on else ""
    )


def _open(host: Host) -> tuple[str, ...]:
    run(host, commands.switch_off())
    get_run_logger().info("the site is open")
    return ("opened the site",)
