"""Security lists and public addresses."""

import pytest

from sandbox.cloud.machines import IngressRule
from tests.sandbox_vm.vocabulary import HTTP, SSH, knock


def test_port_is_closed_until_a_rule_opens_it_and_again_afterwards(boot, machines):
    machine = boot()
    machine.accept_in_front_of_reject(80)
    machine.listen(80)
    assert knock(machine.address, 80) == "silent"
    machines.allow_ingress(machine.name, [SSH, HTTP])
    assert knock(machine.address, 80) == "open"
    machines.allow_ingress(machine.name, [SSH])
    assert knock(machine.address, 80) == "silent"


def test_rule_lets_in_its_source_alone(boot, machines, sandbox):
    machine = boot()
    machine.accept_in_front_of_reject(80)
    machine.listen(80)
    machines.allow_ingress(machine.name, [SSH, IngressRule("6", "192.0.2.0/24", 80, 80)])
    assert knock(machine.address, 80) == "silent"
    machines.allow_ingress(machine.name, [SSH, IngressRule("6", sandbox.ground.allotment.subnet, 80, 80)])
    assert knock(machine.address, 80) == "open"


def test_ping_needs_a_rule_of_its_own(boot, machines):
    machine, neighbour = boot(), boot()
    ping = f"ping -c 1 -W 1 {machine.address}"
    assert neighbour.ssh(ping).returncode == 1
    machines.allow_ingress(machine.name, [SSH, IngressRule("1", "0.0.0.0/0")])
    assert neighbour.ssh(ping).returncode == 0


def test_established_connection_and_outgoing_traffic_pass_without_any_rule(boot, machines, sandbox):
    machine = boot()
    machine.run(f"nohup sh -c 'sleep 3; curl -sS -m 5 -o answer http://{sandbox.mirror}/v2/' >/dev/null 2>&1 &")
    with machine.open_session("echo in; read word; echo $word; sleep 4; cat answer") as session:
        assert session.stdin and session.stdout
        assert session.stdout.readline() == "in\n"
        machines.allow_ingress(machine.name, [])
        assert knock(machine.address, 22) == "silent"
        assert session.communicate("still-here\n")[0].split() == ["still-here", "{}"]


def test_public_address_is_given_moved_and_withdrawn(boot, machines, sandbox):
    first, second = boot(), boot()
    address = sandbox.ground.public_addresses[0]
    inner = sandbox.ground.inner_address(address)
    assert knock(inner, 22) != "open"
    for owner in (first, second):
        owner.run(f"echo {owner.name} > who")
        machines.publish(address, owner.name)
        assert owner.ssh("cat who", address=address).stdout.strip() == owner.name
        assert owner.ssh("cat who", address=inner).stdout.strip() == owner.name
    machines.withdraw(address)
    assert knock(inner, 22) != "open"
    machines.withdraw(address)


def test_only_public_addresses_of_the_sandbox_are_given(boot, machines):
    with pytest.raises(Exception, match=r"127\.0\.0\.1 is none of this sandbox's public addresses"):
        machines.publish("127.0.0.1", boot().name)
