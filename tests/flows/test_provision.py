"""From a tenancy to a machine that one can log in to, through everything that Oracle is known to answer."""

import pytest

from flows.provision import provision
from resonant.errors import (
    HostKeyChanged,
    LimitExceeded,
    NotAuthenticated,
    OutOfHostCapacity,
    ResonantError,
    SettingsInvalid,
    SshRefused,
    WouldCostMoney,
)
from resonant.remote import run
from resonant.tagging import HOST_KEY_TAG
from tests.flows.tenancy import WHOLE_SITE, Tenancy
from tests.sandbox.conftest import private_key_pem
from tests.sandbox.vocabulary import AD1, AD2, AD3
from tests.sshd import Sshd


def test_the_first_launch_finds_no_capacity_and_a_later_one_does(tenancy: Tenancy, sshd: Sshd):
    tenancy.admin("PUT", "capacity", refuse_next_launches=2)
    host = provision()
    assert tenancy.calls("launch_instance") == 3
    assert tenancy.census() == WHOLE_SITE
    assert host.host_key == pinned(sshd.public_key("host"))
    assert run(host, ["id", "-u"], timeout_seconds=10) == "0\n"


def test_a_second_run_changes_nothing(tenancy: Tenancy):
    provision()
    tenancy.forget_requests()
    provision()
    assert tenancy.changed() == 0


def test_capacity_that_never_comes_ends_at_the_deadline_and_the_next_run_goes_on(tenancy: Tenancy):
    tenancy.exhaust({})
    tenancy.set(capacity_deadline_seconds=1)
    with pytest.raises(OutOfHostCapacity, match=r"attempts in \d s.* Run provision again to go on"):
        provision()
    assert tenancy.calls("launch_instance") > 3
    assert "instance" not in tenancy.census()
    tenancy.exhaust()
    tenancy.forget_requests()
    provision()
    assert tenancy.census() == WHOLE_SITE
    assert "create_vcn" not in tenancy.changes()


def test_the_only_fault_domain_with_room_is_found(tenancy: Tenancy):
    rest = [{"availability_domain": AD3, "fault_domain": f"FAULT-DOMAIN-{number}"} for number in (1, 3)]
    tenancy.exhaust({"availability_domain": AD1}, {"availability_domain": AD2}, *rest)
    provision()
    assert tenancy.instance().fault_domain == "FAULT-DOMAIN-2"


def test_asked_to_slow_down_the_hunt_slows_down(tenancy: Tenancy, monkeypatch: pytest.MonkeyPatch):
    slow_downs = []
    monkeypatch.setattr("tasks.compute.choose_delay", lambda mean, times, rng: slow_downs.append(times) or 0.01)
    tenancy.fault("too_many_requests", "launch_instance", times=2)
    tenancy.admin("PUT", "capacity", refuse_next_launches=1)
    provision()
    assert slow_downs == [1, 2, 0]


def test_asked_to_slow_down_elsewhere_the_request_is_repeated(tenancy: Tenancy):
    tenancy.fault("too_many_requests", "create_vcn")
    provision()
    assert tenancy.census() == WHOLE_SITE


def test_a_false_limit_in_one_place_only_moves_on(tenancy: Tenancy):
    tenancy.fault("limit_exceeded", "launch_instance")
    provision()
    assert tenancy.instance().availability_domain == AD2


def test_a_domain_without_the_shape_only_moves_on(tenancy: Tenancy):
    tenancy.admin("PUT", "capacity", availability_domains_without_a1=[AD1, AD2])
    provision()
    assert tenancy.instance().availability_domain == AD3


def test_a_limit_met_everywhere_is_believed_after_one_round(tenancy: Tenancy):
    tenancy.fault("limit_exceeded", "launch_instance", times=99)
    with pytest.raises(LimitExceeded, match=r"12 attempts.*look for forgotten instances"):
        provision()
    assert tenancy.calls("launch_instance") == 12


def test_slow_answers_only_take_longer(tenancy: Tenancy):
    for operation in ("list_vcns", "create_subnet", "launch_instance", "get_instance"):
        tenancy.fault("slow_answer", operation, seconds=0.4)
    provision()
    assert tenancy.census() == WHOLE_SITE


def test_an_instance_that_was_stopped_is_started(tenancy: Tenancy):
    provision()
    tenancy.clients().compute.instance_action(tenancy.instance().id, "STOP")
    tenancy.forget_requests()
    provision()
    assert tenancy.instance().lifecycle_state == "RUNNING"
    assert tenancy.changes() == {"instance_action": 1}


REFUSED_CONFIGURATIONS = {
    "another key": ({}, "other", NotAuthenticated, "Check user, tenancy, fingerprint and key_file"),
    "another fingerprint": ({"fingerprint": ":".join(["ab"] * 16)}, "operator", NotAuthenticated, "fingerprint"),
    "another region": ({"region": "eu-frankfurt-1"}, "operator", SettingsInvalid, "subscribed to ap-tokyo-1"),
    "no key file": ({"key_file": "/nowhere/key.pem"}, "operator", SettingsInvalid, "/nowhere/key.pem"),
}


@pytest.mark.parametrize("case", REFUSED_CONFIGURATIONS)
def test_a_wrong_oci_configuration_is_told_before_anything_is_created(tenancy: Tenancy, case: str):
    values, owner, error, words = REFUSED_CONFIGURATIONS[case]
    (tenancy.folder / "api_key.pem").write_text(private_key_pem(owner))
    tenancy.configure(**values)
    assert words in message_of(error)
    assert tenancy.changed() == 0


REFUSED_SETTINGS = {
    "a profile that is not there": ({"oci_profile": "WORK"}, SettingsInvalid, "profile WORK"),
    "no OCI configuration": ({"oci_config_file": "/nowhere/config"}, SettingsInvalid, "/nowhere/config"),
    "no SSH key": ({"ssh_private_key_file": "/nowhere/id"}, SettingsInvalid, "ssh-keygen -t ed25519 -f /nowhere/id"),
    "larger than what is free": ({"ocpus": 4, "memory_in_gbs": 24}, WouldCostMoney, "ocpus=4 (free: 2)"),
    "a system without an image": (
        {"operating_system_version": "3.11"},
        ResonantError,
        "No image of Canonical Ubuntu 3.11",
    ),
}


@pytest.mark.parametrize("case", REFUSED_SETTINGS)
def test_a_wrong_setting_is_told_before_anything_is_created(tenancy: Tenancy, case: str):
    settings, error, words = REFUSED_SETTINGS[case]
    tenancy.set(**settings)
    assert words in message_of(error)
    assert tenancy.changed() == 0


def test_the_wrong_ssh_key_is_told(tenancy: Tenancy, sshd: Sshd):
    tenancy.set(ssh_private_key_file=sshd.folder / "stranger")
    assert "Is it the key that the machine was created with" in message_of(SshRefused)


def test_another_host_key_is_never_accepted(tenancy: Tenancy, sshd: Sshd):
    provision()
    instance = tenancy.instance()
    tags = {**instance.freeform_tags, HOST_KEY_TAG: sshd.public_key("other_host")}
    tenancy.clients().compute.update_instance(instance.id, {"freeformTags": tags})
    assert "shows another host key" in message_of(HostKeyChanged)


def pinned(public_key: str) -> str:
    """Without the comment."""
    return " ".join(public_key.split()[:2])


def message_of(error: type[ResonantError]) -> str:
    """What a person reads when provision fails so."""
    with pytest.raises(error) as caught:
        provision()
    return str(caught.value)
