"""What the VM's repository is told, what it answers, and which of a server's refs is meant."""

import base64
import subprocess
from pathlib import Path

import pytest

from resonant import fetching, paths
from resonant.errors import RemoteCommandFailed, SourceUnavailable
from resonant.fetching import Place, Target, choose_target
from resonant.source_faults import explain

PLACE = Place("/r/application.git", "/etc/key", "/r/known")
REFS = {
    "HEAD": "a" * 40,
    "refs/heads/main": "a" * 40,
    "refs/heads/release": "b" * 40,
    "refs/tags/v1": "c" * 40,
    "refs/tags/v1^{}": "d" * 40,
    "refs/heads/deadbeef": "e" * 40,
    "refs/heads/twice": "a" * 40,
    "refs/tags/twice": "b" * 40,
    "refs/heads/same": "a" * 40,
    "refs/tags/same": "f" * 40,
    "refs/tags/same^{}": "a" * 40,
}


@pytest.mark.parametrize(
    ("ref", "target"),
    [
        ("HEAD", Target("ref", "HEAD", "a" * 40)),
        ("release", Target("ref", "refs/heads/release", "b" * 40)),
        ("v1", Target("ref", "refs/tags/v1", "d" * 40)),
        ("refs/tags/twice", Target("ref", "refs/tags/twice", "b" * 40)),
        ("same", Target("ref", "refs/heads/same", "a" * 40)),
        ("deadbeef", Target("ref", "refs/heads/deadbeef", "e" * 40)),
        ("DEADBEE", Target("beginning", "deadbee")),
        ("0" * 40, Target("commit", "0" * 40, "0" * 40)),
    ],
)
def test_which_ref_is_meant(ref: str, target: Target):
    assert choose_target(ref, REFS, "here") == target


@pytest.mark.parametrize(
    ("ref", "refs", "message"),
    [
        ("twice", REFS, "both a branch and a tag"),
        ("nxt", REFS, "Its branches: main, release, deadbeef, twice, same."),
        ("abc", REFS, "no branch, tag or commit 'abc'"),
        ("HEAD", {}, "is empty"),
        ("HEAD", {"refs/heads/main": "a" * 40}, "no branch, tag or commit 'HEAD'. Its branches: main."),
    ],
)
def test_a_ref_that_means_nothing_or_two_things(ref: str, refs: dict[str, str], message: str):
    with pytest.raises(SourceUnavailable, match=message.replace(".", r"\.")):
        choose_target(ref, refs, "https://host/app.git")


@pytest.mark.parametrize(
    "ref", ["main", "feature/new-thing", "v1.2.3", "HEAD", "refs/heads/x", "a@b", "Grüße", "1234567"]
)
def test_good_names_are_not_refused(ref: str):
    fetching.check_ref(ref, "here")


def read_configuration(folder: Path, name: str, url: str, *, has_key: bool = True) -> str:
    (folder / "config").write_text(fetching.render_configuration(url, PLACE, has_key=has_key))
    command = ["git", "config", "--file", str(folder / "config"), "--get", name]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


@pytest.mark.parametrize(
    "url",
    ["https://host/a.git", 'https://host/we"ird\\path#;x', "git@host:team/app.git", "ssh://git@host/x", "file:///a b"],
)
def test_git_reads_the_address_as_it_was_given(tmp_path: Path, url: str):
    assert read_configuration(tmp_path, "remote.application.url", url) == url


def test_a_login_goes_into_a_header_for_that_server_alone(tmp_path: Path):
    url = "https://us%40er:p%2Fw:x@host:8443/a.git?x=1"
    assert read_configuration(tmp_path, "remote.application.url", url) == "https://host:8443/a.git?x=1"
    header = read_configuration(tmp_path, "http.https://host:8443/.extraHeader", url)
    assert header == "Authorization: Basic " + base64.b64encode(b"us@er:p/w:x").decode()


def test_ssh_asks_nobody_and_shows_one_key_only(tmp_path: Path):
    command = read_configuration(tmp_path, "core.sshCommand", "git@host:x")
    for option in ("-i /etc/key", "IdentitiesOnly=yes", "BatchMode=yes", "ConnectTimeout=10", "StrictHostKeyChecking=accept-new",
                   "'UserKnownHostsFile=/r/known'"):  # fmt: skip
        assert option in command
    assert "-i" not in read_configuration(tmp_path, "core.sshCommand", "git@host:x", has_key=False).split()


def test_a_folder_has_no_server(tmp_path: Path):
    assert read_configuration(tmp_path, "remote.application.url", "") == ""


def test_only_an_ssh_server_gets_the_key():
    given = ["ssh://host/x", "git@host:x", "https://host/x", "file:///x", "/srv/app", "~/app", ""]
    assert [fetching.uses_ssh(url) for url in given] == [True, True, False, False, False, False, False]


def test_a_plans_place_lies_aside_and_knows_the_sites_servers():
    place = fetching.choose_place("/var/tmp/resonant-plan-x/application.git")
    assert place.key_file == "/var/tmp/resonant-plan-x/deploy_key"
    assert place.known_hosts == f"/var/tmp/resonant-plan-x/git_known_hosts {paths.GIT_KNOWN_HOSTS}"


@pytest.mark.parametrize(
    ("printed", "told"),
    [
        ("remote: Repository not found.\nfatal: repository 'https://h/a/' not found", "is not a git repository"),
        (
            "git@host: Permission denied (publickey,password).\nfatal: Could not read from remote repository.",
            "refused to let",
        ),
        ("fatal: could not read Username for 'https://h': terminal prompts disabled", "refused to let"),
        ("ssh: connect to host h port 22: No route to host", "no route to its server"),
        (
            "ssh: connect to host h port 22: Connection timed out\nfatal: Could not read from remote",
            "did not answer in time",
        ),
        (
            "fatal: unable to access 'https://h/': server certificate verification failed. CAfile: x",
            "no secure connection",
        ),
        (
            "fatal: mismatched algorithms: client sha1; server sha256",
            "could not be fetched by the VM: fatal: mismatched",
        ),
        ("weird: {braces} https://user:s3cret@h/", "weird: {braces} https://h/"),
        ("", "exit code 1"),
    ],
)
def test_gits_words_in_plain_ones(printed: str, told: str):
    error = RemoteCommandFailed("git", 1, printed, "the VM")
    message = str(explain(error, where="https://h/a", ref="main", repository="/r", login="Login?"))
    assert told in message
    assert "s3cret" not in message
