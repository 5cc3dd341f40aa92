"""A machine boots as a cloud's machine does."""

import subprocess

from sandbox.cloud.machines import IngressRule, MachineSpec
from tests.sandbox_vm.vocabulary import count_traces, knock, wait_until


def test_ubuntu_logs_in_by_key_and_is_root_by_sudo(boot):
    assert boot().run("whoami; sudo whoami; hostname").split() == ["ubuntu", "root", "web"]


def test_nobody_logs_in_without_the_key(boot, tmp_path):
    machine = boot()
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "other"], check=True)
    stranger = type(machine)(machine.machines, tmp_path / "other", machine.name)
    assert "Permission denied" in stranger.ssh("true").stderr


def test_systemd_comes_up_whole(boot):
    machine = boot()
    wait_until(lambda: machine.ssh("systemctl is-system-running").stdout.strip() == "running", "running system")


def test_user_data_is_applied(boot):
    machine = boot(
        user_data="#cloud-config\nwrite_files: [{path: /etc/motto, content: onward}]\nruncmd: [[touch, /var/ran]]\n"
    )
    machine.run("cloud-init status --wait")
    assert machine.run("cat /etc/motto && ls /var/ran") == "onward/var/ran"


def test_console_shows_the_host_keys_that_are_served(boot):
    machine = boot()
    machine.run("cloud-init status --wait")
    console = machine.machines.read_console(machine.name).decode()
    block = console.partition("-----BEGIN SSH HOST KEY KEYS-----")[2].partition("-----END SSH HOST KEY KEYS-----")[0]
    scanned = subprocess.check_output(["ssh-keyscan", machine.address], text=True, stderr=subprocess.DEVNULL)
    served = {tuple(line.split()[1:3]) for line in scanned.splitlines() if not line.startswith("#")}
    assert {tuple(line.split()[:2]) for line in block.split("\r\n") if line} == served
    assert len(served) == 3


def test_firewall_of_the_image_rejects_what_the_security_list_lets_through(boot):
    machine = boot(IngressRule("all", "0.0.0.0/0"))
    machine.listen(8080)
    assert knock(machine.address, 8080) == "rejected"
    machine.run("sudo iptables -A INPUT -p tcp --dport 8080 -j ACCEPT")
    assert knock(machine.address, 8080) == "rejected"
    machine.accept_in_front_of_reject(8080)
    assert knock(machine.address, 8080) == "open"


def test_memory_is_that_of_the_shape(boot):
    machine = boot(memory_in_gbs=0.5)
    assert machine.run("python3 -c 'print(len(bytearray(200 << 20)))'") == str(200 << 20)
    assert machine.ssh("python3 -c 'print(len(bytearray(700 << 20)))'").returncode != 0
    machine.wait_for_ssh()


def test_create_again_changes_nothing(boot, machines):
    machine = boot()
    machine.run("touch kept")
    machines.create(MachineSpec(machine.name, "web", 1, 1, machine.metadata(None)))
    assert machine.run("ls") == "kept"


def test_terminate_leaves_nothing(boot, machines):
    machine = boot()
    assert count_traces(f"resonant.machine={machine.name}") == {"container": 1, "volume": 1, "network": 0}
    machines.terminate(machine.name)
    assert count_traces(f"resonant.machine={machine.name}") == {"container": 0, "volume": 0, "network": 0}
    machines.terminate(machine.name)
