"""What was changed, by whom and with what result: one line for each change, each sealed by the one before."""

import hashlib
import json
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from resonant.errors import ReceiptsBroken
from resonant.on_vm.receipts import FIRST, OURS

SUCCESS = "success"
FAILED = "failed"
MESSAGE_LENGTH = 1000
TEXTS = ("flow", "result", "owner", "flow_run", "flow_run_id", "release", "commit", "message", "id", "at", "previous")
WHOLE = re.compile(r'(\{.*),"hash":"([0-9a-f]{64})"\}')
WHAT_TO_DO = (
    "Compare the log with its copy in the backups (docs/runbook.md, Receipts), find out who was on the VM at that time, and "
    "keep the file as it is: new receipts go on after it."
)


@dataclass(frozen=True)
class Receipt:
    """One change. `parameters` and `message` hold no secrets; the last four are given by the VM.

    A receipt that is sent again, as after a broken connection, keeps its `id` and is written once.
    """

    flow: str
    result: str
    seconds: float
    owner: str = ""
    flow_run: str = ""
    flow_run_id: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    release: str = ""
    commit: str = ""
    digests: Mapping[str, str] = field(default_factory=dict)
    message: str = ""
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    sequence: int = 0
    at: str = ""
    previous: str = ""
    hash: str = ""

    def render(self) -> str:
        """As the VM takes it. A SecretStr among the parameters shows as asterisks."""
        told = {name: value for name, value in vars(self).items() if name not in OURS}
        return json.dumps({**told, "message": self.message[:MESSAGE_LENGTH]}, default=str)


@dataclass(frozen=True)
class Log:
    """Lines of the log as they are, the first of them numbered `first_line`, and its head."""

    lines: tuple[str, ...]
    head: str
    first_line: int = 1

    @property
    def receipts(self) -> tuple[Receipt, ...]:
        """Of every line that is a whole receipt, true or not."""
        found = (_parse(line) for line in self.lines)
        return tuple(receipt for receipt in found if receipt)


@dataclass(frozen=True)
class Chain:
    """A log that holds. `torn` are the numbers of lines that a power cut left unfinished."""

    receipts: tuple[Receipt, ...]
    torn: tuple[int, ...]


def parse_log(text: str) -> Log:
    values = json.loads(text)
    return Log(tuple(values["lines"]), values["head"], values["first_line"])


def verify_chain(lines: Sequence[str], head: str) -> Chain:
    """Of the whole log; raises ReceiptsBroken naming the first line that is not what its neighbours say."""
    receipts: list[Receipt] = []
    torn = []
    for number, line in enumerate(lines, 1):
        receipt = _parse(line)
        if receipt is None:
            torn.append(number)
            continue
        _check_link(number, line, receipt, receipts[-1] if receipts else None)
        receipts.append(receipt)
    _check_head(receipts, head)
    return Chain(tuple(receipts), tuple(torn))


def render_receipts(receipts: Sequence[Receipt]) -> str:
    """A Markdown table, the newest first."""
    rows = [
        f"| {entry.sequence} | {entry.at} | {_cell(entry.flow)} | {_cell(entry.result)} | {_cell(entry.owner)} | "
        f"{_cell(entry.flow_run)} | {_cell(entry.release)} | {_cell(entry.commit[:10])} | {entry.seconds:.1f} | "
        f"{_cell(entry.message)} |"
        for entry in reversed(receipts)
    ]
    head = "| # | at | flow | result | who | flow run | release | commit | seconds | message |"
    rule = "| ---: | --- | --- | --- | --- | --- | --- | --- | ---: | --- |"
    return "\n".join([head, rule, *rows]) if rows else "No receipt yet: nothing was changed."


def render_chain(chain: Chain) -> str:
    """The verdict in one line."""
    cut = ", ".join(map(str, chain.torn))
    torn = f" Unfinished by a power cut, and left as they are: line {cut}." if chain.torn else ""
    return f"{len(chain.receipts)} receipts, each sealed by the one before.{torn}"


def parse_receipts(lines: Iterable[str]) -> list[Receipt]:
    """Those that are whole, not verified."""
    return [receipt for line in lines if (receipt := _parse(line)) is not None]


def read_durations(receipts: Iterable[Receipt], flow: str) -> list[float]:
    """Seconds of the flow's successful runs, the oldest first."""
    return [entry.seconds for entry in receipts if entry.flow == flow and entry.result == SUCCESS]


def _parse(line: str) -> Receipt | None:
    """None for what is no whole receipt; fields of other versions are left out."""
    parts = WHOLE.fullmatch(line)
    if not parts:
        return None
    try:
        values = json.loads(parts[1] + "}")
        texts = {name: str(values.get(name, "")) for name in TEXTS}
        maps = {name: dict(values.get(name, {})) for name in ("parameters", "digests")}
        numbers = {"sequence": int(values["sequence"]), "seconds": float(values.get("seconds", 0))}
        return Receipt(**texts, **maps, **numbers, hash=parts[2])  # type: ignore[arg-type]
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _check_link(number: int, line: str, receipt: Receipt, before: Receipt | None) -> None:
    last, seal = (before.sequence, before.hash) if before else (0, FIRST)
    if hashlib.sha256((line.rpartition(',"hash":"')[0] + "}").encode()).hexdigest() != receipt.hash:
        raise _broken(number, "was changed after it was written: its content does not have the hash that it ends in")
    if receipt.sequence != last + 1:
        raise _broken(
            number, f"is receipt {receipt.sequence} where receipt {last + 1} must be: lines are missing or moved"
        )
    if receipt.previous != seal:
        raise _broken(number, f"does not follow from receipt {last}: that one was replaced")


def _check_head(receipts: Sequence[Receipt], head: str) -> None:
    """The head may be behind, as after a power cut between the two writes; it is never ahead."""
    count, seal = _parse_head(head)
    if not receipts and not head:
        return
    if count == 0:
        raise ReceiptsBroken(f"The head of the receipts (receipts.jsonl.head) is missing or damaged. {WHAT_TO_DO}")
    if count > len(receipts):
        raise ReceiptsBroken(
            f"The receipts end at number {len(receipts)}, but {count} were written: the end was cut off. {WHAT_TO_DO}"
        )
    if receipts[count - 1].hash != seal:
        raise ReceiptsBroken(f"Receipt {count} is not the one that the head seals: it was replaced. {WHAT_TO_DO}")


def _parse_head(head: str) -> tuple[int, str]:
    try:
        values = json.loads(head)
        return int(values["count"]), str(values["hash"])
    except (ValueError, KeyError, TypeError):
        return 0, ""


def _broken(number: int, what: str) -> ReceiptsBroken:
    return ReceiptsBroken(f"Line {number} of the receipts {what}. {WHAT_TO_DO}")


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
