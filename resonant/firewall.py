"""Decide the host's firewall from the rules read. Oracle's image ends INPUT with REJECT: what is appended never matches."""

import shlex
from dataclasses import dataclass

OPEN_WEB = (
    "-p", "tcp", "-m", "conntrack", "--ctstate", "NEW", "-m", "multiport", "--dports", "80,443",
    "-m", "comment", "--comment", "resonant-web", "-j", "ACCEPT",
)  # fmt: skip
CLOSING = {"REJECT", "DROP"}
COMMENT = "resonant-web"


@dataclass(frozen=True)
class Edit:
    """Insert `arguments` at this 1-based position of the INPUT chain."""

    position: int
    arguments: tuple[str, ...] = OPEN_WEB


def decide_input(rules: list[str]) -> Edit | None:
    """What to insert so that the web ports are open, given `iptables -S INPUT`; None when they are already.

    >>> decide_input(["-P INPUT ACCEPT", "-A INPUT -j REJECT --reject-with icmp-host-prohibited"]).position
    1
    """
    appended = [shlex.split(rule) for rule in rules if rule.startswith("-A ")]
    closing = next((number for number, rule in enumerate(appended, 1) if _closes(rule)), len(appended) + 1)
    ours = next((number for number, rule in enumerate(appended, 1) if COMMENT in rule), None)
    if ours is not None and ours < closing:
        return None
    return Edit(closing)


def decide_file(content: str) -> str | None:
    """The rules file with our line in front of the closing rule of INPUT; None when it is there already or no file is kept."""
    lines = content.splitlines()
    inputs = [index for index, line in enumerate(lines) if line.startswith("-A INPUT ")]
    if not content.strip() or (edit := decide_input([lines[index] for index in inputs])) is None:
        return None
    at = inputs[edit.position - 1] if edit.position <= len(inputs) else _end_of_filter(lines)
    return "\n".join([*lines[:at], f"-A INPUT {shlex.join(OPEN_WEB)}", *lines[at:]]) + "\n"


def _closes(rule: list[str]) -> bool:
    """True for a rule that ends the chain for every new TCP connection."""
    target = rule[rule.index("-j") + 1] if "-j" in rule else ""
    return target in CLOSING and not {"-s", "-d", "-i", "-p", "-m", "--dport"} & set(rule)


def _end_of_filter(lines: list[str]) -> int:
    start = lines.index("*filter") if "*filter" in lines else 0
    return lines.index("COMMIT", start)
