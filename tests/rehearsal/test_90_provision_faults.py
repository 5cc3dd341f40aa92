"""The machine and its network, changed behind the flows' back: told in plain words, and mended by `provision`."""

from pathlib import Path
from typing import Any

import oci
import pytest
from oci.core import models

from resonant.orchestration import QUIET
from resonant.settings import FILE_VARIABLE
from resonant.tagging import HOST_KEY_TAG
from tests.rehearsal.vocabulary import SETTINGS_FILE, Done, Site, run
from tests.sandbox_vm.vocabulary import wait_until
from tests.sshd import create_key


class Console:
    """What a person can do in Oracle's console, done with Oracle's SDK."""

    def __init__(self, site: Site) -> None:
        config = oci.config.from_file(site.settings["RESONANT_OCI_CONFIG_FILE"])
        here = {"service_endpoint": site.settings["RESONANT_OCI_ENDPOINT"]}
        self.tenancy = config["tenancy"]
        self.compute = oci.core.ComputeClient(config, **here)
        self.network = oci.core.VirtualNetworkClient(config, **here)

    def instance(self) -> Any:
        listed = self.compute.list_instances(self.tenancy).data
        (instance,) = [one for one in listed if one.lifecycle_state not in ("TERMINATED", "TERMINATING")]
        return instance

    def tag_host_key(self, host_key: str) -> None:
        instance = self.instance()
        tags = {**instance.freeform_tags, HOST_KEY_TAG: host_key}
        self.compute.update_instance(instance.id, models.UpdateInstanceDetails(freeform_tags=tags))

    def close_port(self, port: int) -> None:
        listed = self.network.list_security_lists(self.tenancy).data
        (ours,) = [one for one in listed if "resonant-site" in one.freeform_tags]
        kept = [rule for rule in ours.ingress_security_rules if not is_for(rule, port)]
        assert len(kept) == len(ours.ingress_security_rules) - 1
        self.network.update_security_list(ours.id, models.UpdateSecurityListDetails(ingress_security_rules=kept))

    def stop(self) -> None:
        self.compute.instance_action(self.instance().id, "STOP")
        wait_until(lambda: self.instance().lifecycle_state == "STOPPED", "stopped instance", seconds=60)


def is_for(rule: Any, port: int) -> bool:
    return bool(rule.tcp_options) and rule.tcp_options.destination_port_range.min == port


@pytest.fixture
def console(site: Site) -> Console:
    return Console(site)


@pytest.fixture
def stranger(tmp_path: Path) -> Path:
    create_key(tmp_path / "stranger")
    return tmp_path / "stranger"


def assert_failed(done: Done, *words: str) -> None:
    """One message that says this, and no traceback."""
    assert done.returncode == 1, done.stdout
    message = done.stdout.rpartition(" failed: ")[2]
    assert all(word in message for word in words), message
    assert "Traceback" not in done.stdout


def assert_succeeded(done: Done, *words: str) -> None:
    assert done.returncode == 0, done.stdout
    assert all(word in done.stdout for word in words), done.stdout


def test_the_wrong_ssh_key_is_told(site: Site, stranger: Path):
    done = site.run_flow("provision", env={"RESONANT_SSH_PRIVATE_KEY_FILE": str(stranger)})
    assert_failed(done, site.address, f"refused the key {stranger}", "the key that the machine was created with")


def test_another_host_key_is_never_accepted(site: Site, console: Console, stranger: Path):
    ours = console.instance().freeform_tags[HOST_KEY_TAG]
    console.tag_host_key(" ".join(Path(f"{stranger}.pub").read_text().split()[:2]))
    try:
        assert_failed(site.run_flow("check-site"), "shows another host key", "do not connect")
    finally:
        console.tag_host_key(ours)
    assert_succeeded(site.run_flow("check-site"))


def test_a_port_that_the_security_list_closes_is_told_and_opened_again(site: Site, console: Console):
    console.close_port(80)
    told = (f"http://{site.address}/ (as {site.domain})", "Are the security list and the host's firewall open for 80")
    assert_failed(site.run_flow("check-site"), *told)
    assert_succeeded(site.run_flow("provision"), "set the ingress rules")
    assert_succeeded(site.run_flow("check-site"), "redirects to HTTPS")


def test_a_stopped_instance_is_started_and_serves_again(site: Site, console: Console, tmp_path: Path):
    console.stop()
    assert not site.is_serving()
    # The server on it is off as well: this run reports to one of its own.
    done = run(
        *site.flow_command("provision"), PREFECT_SERVER_ALLOW_EPHEMERAL_MODE="true",
        **{FILE_VARIABLE: str(SETTINGS_FILE), "PREFECT_HOME": str(tmp_path), **QUIET},
    )  # fmt: skip
    assert_succeeded(done, "provision")
    assert console.instance().lifecycle_state == "RUNNING"
    site.assert_serves_https(within_seconds=120)
    wait_until(site.is_prefect_answering, "Prefect server", seconds=120)
