"""Receipts written by the VM's program, verified by ours, and everything that may be done to them in between."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from resonant import receipts
from resonant.commands import receipts as commands
from resonant.errors import ReceiptsBroken
from resonant.on_vm import receipts as program
from resonant.receipts import Chain, Log, Receipt
from resonant.source import CHECKOUT

DEPLOY = Receipt(
    "deploy",
    receipts.SUCCESS,
    41.5,
    owner="ann@laptop",
    flow_run="brave-otter",
    flow_run_id="0a1b",
    parameters={"ref": "main", "key": SecretStr("hunter2")},
    release="3f2a9c1-8d01aa",
    commit="3f2a9c1" * 5,
    digests={"backend": "sha256:77"},
    message="größer | besser\nzweite Zeile \u2028 hash",
)


@pytest.fixture(autouse=True)
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    log = tmp_path / "site" / "receipts.jsonl"
    monkeypatch.setattr(commands, "RECEIPTS", str(log))
    yield log
    if log.exists():
        allow_changes(log)


def allow_changes(log: Path) -> None:
    subprocess.run(["sudo", "-n", "chattr", "-a", log], capture_output=True, check=False)


def append(log: Path, receipt: Receipt | None = None) -> None:
    assert program.main(["append", str(log), (receipt or replace(DEPLOY, id="")).render()]) == 0


def written(log: Path, count: int = 6) -> Path:
    """A log of that many receipts, open to whoever tampers with it."""
    for number in range(count):
        append(log, replace(DEPLOY, id="", flow=f"flow-{number}"))
    allow_changes(log)
    return log


def read(log: Path, count: int = 0) -> Log:
    return receipts.parse_log(json.dumps(program.read(log, count)))


def verify(log: Path) -> Chain:
    seen = read(log)
    return receipts.verify_chain(seen.lines, seen.head)


def test_what_was_told_comes_back(log: Path):
    append(log)
    seen = verify(log).receipts[0]
    assert seen.digests == DEPLOY.digests and seen.message == DEPLOY.message
    assert (seen.sequence, seen.previous, len(seen.hash)) == (1, "0" * 64, 64)
    assert seen.at.endswith("Z") and seen.seconds == 41.5


def test_a_secret_shows_as_asterisks(log: Path):
    append(log)
    assert "hunter2" not in log.read_text()
    assert verify(log).receipts[0].parameters == {"ref": "main", "key": "**********"}


def test_a_receipt_is_one_line_of_plain_ascii(log: Path):
    append(log)
    assert log.read_bytes().isascii() and log.read_bytes().count(b"\n") == 1


def test_only_root_reads_them(log: Path):
    append(log)
    assert [oct(file.stat().st_mode & 0o777) for file in sorted(log.parent.iterdir())] == ["0o600", "0o600"]


def test_it_runs_as_the_vm_runs_it(log: Path):
    for command in (commands.append(DEPLOY.render()), commands.append(replace(DEPLOY, id="other").render())):
        subprocess.run(command, check=True, timeout=60, capture_output=True)
    done = subprocess.run(commands.read(1), check=True, timeout=60, capture_output=True, text=True)
    seen = receipts.parse_log(done.stdout)
    assert (seen.first_line, [entry.sequence for entry in seen.receipts]) == (2, [2])
    assert len(verify(log).receipts) == 2


def test_nothing_written_is_no_broken_chain(log: Path):
    assert verify(log) == Chain((), ())
    assert "nothing was changed" in receipts.render_receipts(())


def test_each_receipt_follows_from_the_one_before(log: Path):
    chain = verify(written(log))
    assert [entry.sequence for entry in chain.receipts] == [1, 2, 3, 4, 5, 6]
    assert [entry.previous for entry in chain.receipts[1:]] == [entry.hash for entry in chain.receipts[:-1]]
    assert receipts.render_chain(chain) == "6 receipts, each sealed by the one before."


def test_a_receipt_that_is_sent_again_is_written_once(log: Path):
    """As after a connection that broke before the answer came."""
    one, other = replace(DEPLOY, id="aa"), replace(DEPLOY, id="bb")
    for sent in (one, one, other, one):
        append(log, sent)
    assert [entry.id for entry in verify(log).receipts] == ["aa", "bb"]
    assert Receipt("deploy", "failed", 1).id != Receipt("deploy", "failed", 1).id


@pytest.mark.parametrize("text", ["[]", "1", "{", '{"hash": "mine"}', '{"sequence": 9}'])
def test_what_is_no_receipt_is_not_written(log: Path, text: str, capsys: pytest.CaptureFixture[str]):
    assert program.main(["append", str(log), text]) == 2
    assert "Not a receipt" in capsys.readouterr().err
    assert not log.exists()


def change(*edits: Callable[[list[str]], object]) -> Callable[[Path], None]:
    def tamper(log: Path) -> None:
        lines = log.read_text().splitlines(keepends=True)
        for edit in edits:
            edit(lines)
        log.write_text("".join(lines))

    return tamper


def replace_in(index: int, old: str, new: str) -> Callable[[list[str]], None]:
    def edit(lines: list[str]) -> None:
        assert old in lines[index]
        lines[index] = lines[index].replace(old, new)

    return edit


def reseal(index: int) -> Callable[[list[str]], None]:
    """A careful forger makes the line's own hash right again."""

    def edit(lines: list[str]) -> None:
        entry = json.loads(lines[index])
        lines[index] = program.render({name: entry[name] for name in entry if name != "hash"})[0].decode()

    return edit


TAMPERED = {
    "a changed word": (change(replace_in(2, "ann@laptop", "bob@laptop")), r"Line 3 .* was changed after it was written"),
    "a changed blank": (change(replace_in(2, '"flow":', '"flow": ')), r"Line 3 .* was changed"),
    "a changed hash": (change(lambda lines: lines.__setitem__(2, lines[2][:-4] + 'f"}\n')), r"Line 3 .* was changed|missing"),
    "a forged line": (
        change(replace_in(2, "ann@laptop", "bob@laptop"), reseal(2)), r"Line 4 .* does not follow from receipt 3"
    ),
    "a forged last line": (
        change(replace_in(5, "ann@laptop", "bob@laptop"), reseal(5)), r"Receipt 6 is not the one that the head seals"
    ),
    "a removed line": (change(lambda lines: lines.pop(2)), r"Line 3 .* is receipt 4 where receipt 3 must be"),
    "a removed first line": (change(lambda lines: lines.pop(0)), r"Line 1 .* is receipt 2 where receipt 1 must be"),
    "swapped lines": (
        change(lambda lines: lines.insert(2, lines.pop(3))), r"Line 3 .* is receipt 4 where receipt 3 must be"
    ),
    "a doubled line": (
        change(lambda lines: lines.insert(3, lines[2])), r"Line 4 .* is receipt 3 where receipt 4 must be"
    ),
    "a line turned into rubbish": (
        change(lambda lines: lines.__setitem__(2, "rubbish\n")), r"Line 4 .* is receipt 4 where receipt 3 must be"
    ),
    "a removed end": (change(lambda lines: lines.pop()), r"end at number 5, but 6 were written: the end was cut off"),
    "a last line cut short": (
        change(lambda lines: lines.__setitem__(5, lines[5][:90])), r"end at number 5, but 6 were written"
    ),
    "an emptied log": (change(lambda lines: lines.clear()), r"end at number 0, but 6 were written"),
    "a removed log": (lambda log: log.unlink(), r"end at number 0, but 6 were written"),
    "a removed head": (lambda log: program.head_of(log).unlink(), r"head of the receipts .* is missing or damaged"),
    "a damaged head": (lambda log: program.head_of(log).write_text("{"), r"head of the receipts .* is missing or damaged"),
}  # fmt: skip


@pytest.mark.parametrize(("tamper", "told"), TAMPERED.values(), ids=TAMPERED.keys())
def test_what_was_tampered_with_is_named(log: Path, tamper: Callable[[Path], None], told: str):
    tamper(written(log))
    with pytest.raises(ReceiptsBroken, match=told) as caught:
        verify(log)
    assert "docs/runbook.md" in str(caught.value)


def test_every_single_byte_is_sealed(log: Path):
    original = written(log, 2).read_bytes()
    for position in range(len(original)):
        changed = bytearray(original)
        changed[position] ^= 1
        log.write_bytes(changed)
        with pytest.raises(ReceiptsBroken):
            verify(log)


@pytest.mark.parametrize("tamper", [TAMPERED[name][0] for name in ("a removed end", "a removed log", "a forged line")])
def test_a_new_receipt_does_not_mend_what_was_broken(log: Path, tamper: Callable[[Path], None]):
    tamper(written(log))
    append(log)
    with pytest.raises(ReceiptsBroken):
        verify(log)


@pytest.mark.parametrize("left", [1, 40, 150, -1, -3, -70])
def test_a_line_that_a_power_cut_left_unfinished_is_kept_and_told(log: Path, left: int):
    whole = written(log, 3).read_bytes()
    line, _ = program.render({"flow": "deploy", "sequence": 4, "previous": verify(log).receipts[-1].hash})
    log.write_bytes(whole + line[:left])
    append(log)
    append(log)
    chain = verify(log)
    is_whole = left == -1  # but for the line break
    assert chain.torn == (() if is_whole else (4,))
    assert [entry.sequence for entry in chain.receipts] == [1, 2, 3, 4, 5, *([6] if is_whole else [])]
    assert log.read_bytes().startswith(whole + line[:left] + b"\n")
    assert is_whole or "left as they are: line 4" in receipts.render_chain(chain)


def test_an_unfinished_last_line_is_told_before_the_next_is_written(log: Path):
    with written(log, 3).open("ab") as file:
        file.write(b'{"at":"2026\0\0\0')
    assert verify(log).torn == (4,)


def test_a_head_that_is_one_behind_is_no_fault_and_catches_up(log: Path):
    """As when the power fails between the line and the head."""
    head = program.head_of(written(log, 3)).read_text()
    append(log)
    program.head_of(log).write_text(head)
    assert len(verify(log).receipts) == 4
    append(log)
    assert json.loads(program.head_of(log).read_text())["count"] == len(verify(log).receipts) == 5


WRITER = """
import sys
from resonant.on_vm import receipts
for turn in range(20):
    assert receipts.main(["append", sys.argv[1], '{"flow": "deploy", "id": "%s-%d"}' % (sys.argv[2], turn)]) == 0
"""


def start_writer(log: Path, name: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", WRITER, str(log), name]
    return subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.DEVNULL)


def test_many_who_write_at_once_lose_and_double_nothing(log: Path):
    writers = [start_writer(log, str(number)) for number in range(10)]
    assert [writer.wait(120) for writer in writers] == [0] * 10
    chain = verify(log)
    assert [entry.sequence for entry in chain.receipts] == list(range(1, 201))
    assert {entry.id for entry in chain.receipts} == {f"{name}-{turn}" for name in range(10) for turn in range(20)}


def test_a_killed_writer_breaks_nothing(log: Path):
    for number in range(6):
        writer = start_writer(log, str(number))
        deadline = time.monotonic() + 30
        while not log.exists() or f'"id":"{number}-3"' not in log.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.001)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
    append(log)
    assert len(verify(log).receipts) >= 6 * 4 + 1


def test_the_log_can_only_be_added_to_where_the_disk_knows_that(log: Path):
    append(log)
    marked = subprocess.run(["lsattr", log], capture_output=True, text=True, check=False)
    if marked.returncode or "a" not in marked.stdout.split()[0]:
        pytest.skip("this file system knows no append-only files")
    with pytest.raises(PermissionError):
        log.write_text("")
    append(log)
    assert len(verify(log).receipts) == 2


def test_a_full_disk_is_told_and_the_chain_goes_on(log: Path, capsys: pytest.CaptureFixture[str]):
    log.parent.mkdir()
    subprocess.run(["sudo", "-n", "mount", "-t", "tmpfs", "-o", "size=32k,mode=777", "tmpfs", log.parent], check=True)
    try:
        codes = [program.main(["append", str(log), replace(DEPLOY, id="").render()]) for _ in range(60)]
        assert 0 in codes and codes[-1] == 1
        assert f"Could not append {log}: the disk of the VM is full" in capsys.readouterr().err
        before = codes.count(0)
        subprocess.run(["sudo", "-n", "mount", "-o", "remount,size=64k", log.parent], check=True)
        append(log)
        assert len(verify(log).receipts) >= before + 1
    finally:
        subprocess.run(["sudo", "-n", "umount", log.parent], check=True)


def test_the_table_shows_the_newest_first_and_stays_a_table(log: Path):
    written(log, 3)
    table = receipts.render_receipts(read(log, 2).receipts).splitlines()
    assert [re.findall(r"flow-\d", row) for row in table[2:]] == [["flow-2"], ["flow-1"]]
    assert "größer \\| besser zweite Zeile" in table[2]


def test_durations_are_those_of_the_flows_own_successes():
    seen = [replace(DEPLOY, seconds=1.5), replace(DEPLOY, result=receipts.FAILED), replace(DEPLOY, flow="rollback")]
    assert receipts.read_durations([*seen, replace(DEPLOY, seconds=2.5)], "deploy") == [1.5, 2.5]


def test_a_receipt_of_a_later_version_is_read(log: Path):
    program.append(log, '{"flow": "deploy", "new_field": [1], "seconds": "many"}')
    program.append(log, '{"flow": "deploy", "new_field": [1]}')
    assert [entry.flow for entry in read(log).receipts] == ["deploy"]


def read_by_hand(log: Path) -> list[str]:
    """What the commands of the runbook print about this log."""
    page = (CHECKOUT / "docs/runbook.md").read_text()
    block = next(text for text in re.findall(r"```sh\n(.*?)```", page, re.DOTALL) if "receipts.jsonl" in text)
    script = block.replace("sudo ", "").replace("/opt/resonant/site/receipts.jsonl", str(log))
    return subprocess.run(
        ["bash", "-euc", script], capture_output=True, text=True, check=True, env={"PATH": os.environ["PATH"]}
    ).stdout.splitlines()


def test_the_runbooks_commands_agree_that_a_chain_holds(log: Path):
    written(log, 4)
    counted, head = read_by_hand(log)
    last = verify(log).receipts[-1].hash
    assert counted == f"4 receipts, the last {last}"
    assert json.loads(head) == {"count": 4, "hash": last}


@pytest.mark.parametrize(
    "name", ["a changed word", "a forged line", "a removed line", "swapped lines", "a doubled line"]
)
def test_the_runbooks_commands_see_what_was_tampered_with(log: Path, name: str):
    TAMPERED[name][0](written(log))
    told = "\n".join(read_by_hand(log))
    assert ("changed: {" in told) == (name == "a changed word")
    assert ("does not follow: {" in told) == (name != "a changed word")


def test_the_runbooks_commands_see_an_end_that_was_cut_off(log: Path):
    TAMPERED["a removed end"][0](written(log))
    counted, head = read_by_hand(log)
    assert counted.startswith("5 receipts") and json.loads(head)["count"] == 6
