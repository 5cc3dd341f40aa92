"""Commands are data: here they are run for real, each where it can do no harm."""

import os
import subprocess
from pathlib import Path

import pytest

from resonant import facts
from resonant.commands import apt, certificate, compose, firewall, shell
from resonant.commands.shell import Command
from resonant.firewall import decide_file, decide_input
from resonant.names import parse_alternative_names
from resonant.paths import BOOTSTRAP_TLS
from tests.vocabulary import RECORDINGS, live_site, recorded


def run(command: Command, **options: object) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30, **options).stdout


def fails(command: Command) -> bool:
    return subprocess.run(command, capture_output=True, check=False, timeout=30).returncode != 0


def test_a_script_stops_at_the_first_failure(tmp_path: Path):
    assert fails(shell.script("false", f"touch {tmp_path}/reached"))
    assert fails(shell.script("false | true"))
    assert fails(shell.script('echo "$unset"'))
    assert list(tmp_path.iterdir()) == []


def test_joined_commands_keep_their_arguments():
    assert run(shell.joined(["printf", "%s\n", "a  b"], ["echo", "it's"])) == "a  b\nit's\n"


def test_a_link_is_switched_and_switched_again(tmp_path: Path):
    link = tmp_path / "current"
    for target in ("one", "two"):
        (tmp_path / target).mkdir()
        run(shell.switch_link(str(link), str(tmp_path / target)))
        assert link.resolve().name == target
    assert not (tmp_path / "current.next").exists()


def test_a_folder_appears_whole(tmp_path: Path):
    (tmp_path / "file").write_text("content")
    run(["tar", "-czf", str(tmp_path / "a.tar.gz"), "-C", str(tmp_path), "file"])
    target = tmp_path / "release"
    run(shell.unpack(str(tmp_path / "a.tar.gz"), str(target)))
    assert [entry.name for entry in target.iterdir()] == ["file"]
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "release"]


def test_a_damaged_archive_leaves_the_folder_as_it_was(tmp_path: Path):
    (tmp_path / "a.tar.gz").write_bytes(b"not an archive")
    (tmp_path / "release").mkdir()
    (tmp_path / "release" / "file").write_text("kept")
    assert fails(shell.unpack(str(tmp_path / "a.tar.gz"), str(tmp_path / "release")))
    assert (tmp_path / "release" / "file").read_text() == "kept"


def test_a_missing_file_reads_as_nothing(tmp_path: Path):
    assert run(shell.read_file(str(tmp_path / "none"))) == ""


def test_packages_are_arguments_and_never_part_of_the_script():
    command = apt.install(["docker.io", "openssl"])
    assert command[-2:] == ["docker.io", "openssl"]
    assert "docker.io" not in " ".join(command[:-2])
    run(["bash", "-n", "-c", command[4]])


@pytest.fixture
def bootstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the commands of this test put the bootstrap certificate."""
    folder = tmp_path / "bootstrap"
    monkeypatch.setattr(certificate, "BOOTSTRAP_TLS", str(folder))
    monkeypatch.setattr(certificate, "CURRENT_TLS", str(tmp_path / "current"))
    return folder


def ask(question: str, **replaced: str) -> str:
    text = facts.QUESTIONS[question]
    for old, new in replaced.items():
        text = text.replace({"folder": BOOTSTRAP_TLS}[old], new)
    return run(["sh", "-c", text]).strip()


def test_the_bootstrap_certificate_has_our_names_as_the_facts_read_them(bootstrap: Path):
    names = ["DNS:example.org", "IP:203.0.113.10"]
    run(certificate.create_bootstrap(names))
    assert parse_alternative_names(ask("bootstrap_names", folder=str(bootstrap))) == set(names)
    assert (bootstrap / "privkey.pem").stat().st_mode & 0o077 == 0
    assert (bootstrap.parent / "current").resolve() == bootstrap


def test_a_certificate_about_to_expire_has_no_names(bootstrap: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(certificate, "VALID_DAYS", 1)
    run(certificate.create_bootstrap(["IP:203.0.113.10"]))
    with pytest.raises(subprocess.CalledProcessError):
        ask("bootstrap_names", folder=str(bootstrap))


def test_a_link_to_a_certificate_of_a_ca_is_not_moved(bootstrap: Path):
    (bootstrap.parent / "signed").mkdir()
    (bootstrap.parent / "current").symlink_to("signed")
    run(certificate.create_bootstrap(["IP:203.0.113.10"]))
    assert (bootstrap.parent / "current").resolve().name == "signed"


def in_own_network(*lines: str) -> str:
    """Run the script with a network, and so with iptables rules, of its own."""
    unshare = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--net", "--map-root-user"]
    return run([*unshare, *shell.script("PATH=$PATH:/usr/sbin:/sbin", *lines)])


def quoted(command: Command) -> str:
    return shell.joined(command)[4]


def test_the_rule_lands_in_front_of_the_reject_and_only_once():
    fresh, edit = (
        recorded("iptables/oracle_ubuntu_input.txt"),
        decide_input(recorded("iptables/oracle_ubuntu_input.txt").splitlines()),
    )
    after = in_own_network(
        f"iptables-restore {RECORDINGS}/iptables/oracle_ubuntu_rules.v4",
        quoted(firewall.insert_input_rule(edit)),
        "iptables -S INPUT",
    )  # fmt: skip
    assert len(after.splitlines()) == len(fresh.splitlines()) + 1
    assert "REJECT" in after.splitlines()[-1] and "80,443" in after.splitlines()[-2]
    assert decide_input(after.splitlines()) is None


def test_the_rules_file_gives_the_same_chain_at_the_next_boot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(firewall, "FIREWALL_FILE", str(tmp_path / "rules.v4"))
    (tmp_path / "new").write_text(decide_file(recorded("iptables/oracle_ubuntu_rules.v4")))
    after = in_own_network(
        quoted(firewall.write_rules_file(str(tmp_path / "new"))),
        f"iptables-restore {tmp_path}/rules.v4",
        "iptables -S INPUT",
    )
    assert "REJECT" in after.splitlines()[-1] and "80,443" in after.splitlines()[-2]


def test_a_broken_rules_file_never_replaces_the_good_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(firewall, "FIREWALL_FILE", str(tmp_path / "rules.v4"))
    (tmp_path / "rules.v4").write_text("good")
    (tmp_path / "new").write_text("*filter\n-A INPUT --nonsense\nCOMMIT\n")
    with pytest.raises(subprocess.CalledProcessError):
        in_own_network(quoted(firewall.write_rules_file(str(tmp_path / "new"))))
    assert (tmp_path / "rules.v4").read_text() == "good"


def test_the_application_is_its_own_file_under_our_override():
    release = live_site().release
    assert release
    folder = f"/opt/resonant/site/releases/{release.id}"
    for slot, project, override in (("a", "resonant-a", "compose.a.yaml"), ("", "resonant", "compose.permanent.yaml")):
        assert " ".join(compose.start(release, slot, ["x"])).startswith(
            f"env COMPOSE_IGNORE_ORPHANS=true docker compose --project-name {project} --env-file {folder}/.env.prod "
            f"--project-directory {folder}/app --file {folder}/app/compose.yaml --file {folder}/{override} up "
        )


def test_the_stack_is_the_release_s():
    assert " ".join(compose.start_nginx("r1", 60)).startswith(
        "env COMPOSE_IGNORE_ORPHANS=true docker compose --project-name resonant --env-file /opt/resonant/site/.env.prod "
        "--file /opt/resonant/site/releases/r1/stack/compose.yaml up "
    )
