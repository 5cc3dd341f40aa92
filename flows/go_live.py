"""From nothing to the site served over HTTPS: the one flow that runs the others."""

from prefect import flow

from flows.check_site import check_site
from flows.deploy import deploy
from flows.host_setup import host_setup
from flows.prefect_on_vm import prefect_on_vm
from flows.provision import provision
from resonant import remote
from resonant.reports import render_go_live
from resonant.settings import read_settings
from resonant.stages import Stages, side_by_side
from tasks.host import read_facts
from tasks.orchestration import publish_on_vm
from tasks.report import publish_markdown


@flow(name="go-live")
def go_live() -> None:
    """Provision the VM, set it up, deploy the application, install Prefect on it, and check the site from outside.

    Run it again at any time, also after an interruption: each stage changes only what is not yet as it must be. The last
    page says what runs where, in which versions, and how long each stage took.
    """
    settings = read_settings()
    stages = Stages()
    with stages.timed("provision"):
        host = provision()
    with stages.timed("host set-up"):
        host_setup()
    side_by_side(stages.clock("deploy", deploy), stages.clock("Prefect on the VM", prefect_on_vm), abort=remote.abort)
    with stages.timed("check from outside"):
        seen = check_site()
    page = render_go_live(settings, host.address, read_facts(host), stages.seconds, seen)
    publish_markdown("go-live", page, "The site, as go-live left it")
    publish_on_vm(host, settings, page)
