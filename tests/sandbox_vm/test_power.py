"""Stop, start, reset, reboot and power-off are real."""

import pytest

from tests.sandbox_vm.vocabulary import HTTP, knock, wait_until


def test_reboot_from_inside_keeps_disk_rules_and_public_address(boot, machines, sandbox):
    machine = boot(HTTP)
    address = sandbox.ground.public_addresses[1]
    machines.publish(address, machine.name)
    machine.run("echo kept > note; echo kept | sudo tee /var/lib/docker/note")
    before = machine.boot_time()
    machine.ssh("sudo reboot")
    wait_until(lambda: machine.ssh("true").returncode == 0 and machine.boot_time() != before, "reboot")
    assert machine.run("cat note; sudo cat /var/lib/docker/note").split() == ["kept", "kept"]
    assert (knock(machine.address, 80), knock(machine.address, 81)) == ("rejected", "silent")
    assert machine.ssh("cat note", address=address).stdout == "kept\n"


def test_poweroff_from_inside_stays_off_until_started(boot, machines):
    machine = boot()
    machine.ssh("sudo poweroff")
    wait_until(lambda: not machines.is_running(machine.name), "power-off")
    machines.stop(machine.name, graceful=True)
    assert not machines.is_running(machine.name)
    machines.start(machine.name)
    machine.wait_for_ssh()
    machines.start(machine.name)


@pytest.mark.parametrize("graceful", [True, False])
def test_stop_and_reset(boot, machines, graceful):
    machine = boot()
    machine.run(
        "sudo systemd-run --quiet --unit note --property ExecStop='touch /var/tidied' --remain-after-exit true; sync"
    )
    machines.stop(machine.name, graceful=graceful)
    assert not machines.is_running(machine.name)
    machines.start(machine.name)
    machine.wait_for_ssh()
    assert (machine.ssh("ls /var/tidied").returncode == 0) == graceful
    before = machine.boot_time()
    machines.reset(machine.name, graceful=graceful)
    machine.wait_for_ssh()
    assert machine.boot_time() != before


def test_address_given_while_off_is_there_after_the_start(boot, machines, sandbox):
    machine, address = boot(), sandbox.ground.public_addresses[2]
    machines.stop(machine.name, graceful=False)
    machines.publish(address, machine.name)
    machines.start(machine.name)
    wait_until(lambda: machine.ssh("true", address=address).returncode == 0, "SSH at the public address")


def test_unknown_machine_is_a_key_error(machines):
    for call in (machines.start, machines.is_running, machines.read_console):
        with pytest.raises(KeyError):
            call("nobody")
