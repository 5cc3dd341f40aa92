"""Where our rule goes: always in front of what ends INPUT, and never twice."""

import pytest

from resonant.firewall import OPEN_WEB, decide_file, decide_input
from tests.vocabulary import recorded

REJECT = "-A INPUT -j REJECT --reject-with icmp-host-prohibited"
SSH = "-A INPUT -p tcp -m state --state NEW -m tcp --dport 22 -j ACCEPT"
OURS = "-A INPUT " + " ".join(OPEN_WEB)
ORACLE = recorded("iptables/oracle_ubuntu_input.txt").splitlines()
RULES_FILE = recorded("iptables/oracle_ubuntu_rules.v4")

POSITIONS = {
    "an empty chain": (["-P INPUT ACCEPT"], 1),
    "only a policy that drops": (["-P INPUT DROP"], 1),
    "Oracle's image": (ORACLE, ORACLE.index(REJECT)),
    "no closing rule": ([SSH], 2),
    "ours, but behind the closing rule": ([SSH, REJECT, OURS], 2),
    "a REJECT of one source closes nothing": (["-A INPUT -s 192.0.2.1/32 -j REJECT", SSH, REJECT], 3),
    "a REJECT of one port closes nothing": (["-A INPUT -p tcp -m tcp --dport 25 -j REJECT", REJECT], 2),
    "a DROP of broken packets closes nothing": (["-A INPUT -m state --state INVALID -j DROP", REJECT], 2),
    "a DROP closes": (["-A INPUT -j DROP", REJECT], 1),
    "another chain's jump": (["-A INPUT -j f2b-sshd", REJECT], 2),
}  # fmt: skip


@pytest.mark.parametrize(("rules", "position"), POSITIONS.values(), ids=POSITIONS.keys())
def test_our_rule_goes_in_front_of_what_closes_the_chain(rules: list[str], position: int):
    edit = decide_input(rules)
    assert edit and edit.position == position


@pytest.mark.parametrize("rules", [[OURS, REJECT], [SSH, OURS], [*ORACLE[:-1], OURS, ORACLE[-1]]])
def test_a_rule_in_place_is_left_alone(rules: list[str]):
    assert decide_input(rules) is None


def test_the_rules_file_changes_by_one_line():
    lines = decide_file(RULES_FILE).splitlines()
    before = RULES_FILE.splitlines()
    assert [line for line in lines if line not in before] == [OURS]
    assert len(lines) == len(before) + 1
    assert lines[lines.index(OURS) + 1] == REJECT


def test_a_second_time_there_is_nothing_to_do():
    assert decide_file(decide_file(RULES_FILE)) is None


@pytest.mark.parametrize("content", ["", "\n"])
def test_a_host_that_keeps_no_rules_file_gets_none(content: str):
    assert decide_file(content) is None


def test_a_rules_file_without_input_rules_gets_ours_in_the_filter_table():
    content = "*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n"
    assert decide_file(content).splitlines()[-2:] == [OURS, "COMMIT"]
