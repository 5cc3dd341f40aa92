"""iptables: only our own rule is ever inserted, and only our own line is ever written to the rules file."""

from resonant.commands.shell import Command, script
from resonant.firewall import Edit
from resonant.paths import FIREWALL_FILE


def insert_input_rule(edit: Edit) -> Command:
    return ["iptables", "-w", "10", "-I", "INPUT", str(edit.position), *edit.arguments]


def write_rules_file(content_path: str) -> Command:
    """Check the new rules file with iptables' own parser, then put it in place of the old one."""
    return script(
        'iptables-restore --test "$1"', 'chmod 0640 "$1"', 'mv -f "$1" "$2"', arguments=[content_path, FIREWALL_FILE]
    )
