"""Parts of the life cycle that need no engine."""

import configparser
import os
import shutil
import socket
import subprocess
import sys
import time

import pytest

from sandbox.engine.ports import describe_holder
from sandbox.engine.process import find_process, start_background, stop_process
from sandbox.errors import SandboxError
from sandbox.lifecycle import preflight
from sandbox.lifecycle.credentials import ensure_credentials
from sandbox.lifecycle.up import sole_user
from sandbox.place import Place


def test_credentials_are_made_once_and_private(tmp_path):
    first, second = ensure_credentials(tmp_path), ensure_credentials(tmp_path)
    assert first == second
    for file in tmp_path.rglob("*"):
        assert file.is_dir() or file.stat().st_mode & 0o777 == 0o600
    config = configparser.ConfigParser()
    config.read(first.oci_config_file)
    assert config["DEFAULT"]["fingerprint"] == first.fingerprint
    assert config["DEFAULT"]["tenancy"] == first.tenancy_id
    assert config["DEFAULT"]["key_file"] == str(tmp_path / "oci" / "api_key.pem")


def test_sdk_accepts_the_configuration(tmp_path):
    import oci

    config = oci.config.from_file(str(ensure_credentials(tmp_path).oci_config_file))
    oci.config.validate_config(config)


def test_ssh_key_pair_fits(tmp_path):
    key = ensure_credentials(tmp_path).ssh_private_key_file
    derived = subprocess.check_output(["ssh-keygen", "-y", "-f", key], text=True)
    assert derived.split()[:2] == key.with_suffix(".pub").read_text().split()[:2]


def test_too_little_disk_is_said_with_numbers(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(100, 99, 2**30))
    with pytest.raises(SandboxError, match=r"has 1\.0 GiB free; the sandbox needs 8\."):
        preflight.check_free(tmp_path, 8)
    preflight.check_free(tmp_path, 1)


def test_other_systems_than_linux(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(SandboxError, match="need Linux"):
        preflight.check_platform()


def test_one_user_at_a_time(tmp_path):
    place = Place(tmp_path)
    place.open_state()
    with sole_user(place), pytest.raises(SandboxError, match="Another `up` or `down` is at work"), sole_user(place):
        pass
    with sole_user(place):
        pass


def test_background_process_is_found_and_stopped(tmp_path):
    record = tmp_path / "record.json"
    pid = start_background(["sleep", "60"], tmp_path / "log", record)
    found = find_process(record)
    assert found is not None and found.pid == pid
    assert stop_process(record, timeout_seconds=5)
    assert find_process(record) is None
    assert not stop_process(record, timeout_seconds=5)


def test_process_that_ignores_a_polite_word_is_stopped_all_the_same(tmp_path):
    record = tmp_path / "record.json"
    start_background(["sh", "-c", "trap '' TERM; echo ready; exec sleep 60"], tmp_path / "log", record)
    while "ready" not in (tmp_path / "log").read_text():
        time.sleep(0.01)
    assert stop_process(record, timeout_seconds=0.3)


def test_recycled_process_id_is_not_ours(tmp_path):
    record = tmp_path / "record.json"
    start_background(["sleep", "60"], tmp_path / "log", record)
    genuine = record.read_text()
    record.write_text(genuine.replace('"started": ', '"started": 1'))
    assert find_process(record) is None
    record.write_text(genuine)
    stop_process(record, timeout_seconds=5)


def test_holder_of_a_port_is_the_one_at_this_address():
    with socket.create_server(("127.0.0.1", 0)) as ours:
        port = ours.getsockname()[1]
        program = f"import socket; server = socket.create_server(('127.0.0.2', {port})); print('up'); input()"
        words = [sys.executable, "-u", "-c", program]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as neighbour:
            assert neighbour.stdout and neighbour.stdout.readline()
            holders = [describe_holder(port), describe_holder(port, "127.0.0.2")]
            neighbour.communicate(b"\n")
    assert [
        f"(process {pid})" in holder for pid, holder in zip((os.getpid(), neighbour.pid), holders, strict=True)
    ] == [True, True]


def test_holder_that_listens_everywhere_is_found():
    with socket.create_server(("0.0.0.0", 0)) as everywhere:  # noqa: S104
        assert f"(process {os.getpid()})" in describe_holder(everywhere.getsockname()[1], "127.0.9.200")
