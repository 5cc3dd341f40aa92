"""The host key out of the serial console: right, whole, and of the newest boot, or none."""

import pytest

from resonant.compute import KEYS_BEGIN, KEYS_END, parse_host_key
from tests.vocabulary import recorded

CONSOLE = recorded("console/debian_13_first_boot.txt")
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBRJEN+oiwTWesl7oYLIsBaDgyVxZUN+0nc12REcVLso"
OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOtherOtherOtherOtherOtherOtherOtherOtherOthe"


def block(*keys: str) -> str:
    return "\r\n".join(["", KEYS_BEGIN, *keys, KEYS_END, ""])


def test_the_key_of_a_recorded_first_boot():
    assert parse_host_key(CONSOLE) == KEY


@pytest.mark.parametrize(
    ("console", "key"),
    [
        ("", None),
        ("booting\r\n", None),
        (block(f"{KEY} root@resonant"), KEY),
        (block("ssh-rsa AAAA root", f"{KEY}"), KEY),
        (block("ssh-rsa AAAA root"), None),
        (block(), None),
        (block(f"{OTHER} root") + "reboot" + block(f"{KEY} root"), KEY),
    ],
)
def test_the_newest_block_counts(console: str, key: str | None):
    assert parse_host_key(console) == key


def test_a_key_outside_the_block_is_not_the_hosts():
    """A login key, printed by whatever else writes to the console."""
    assert parse_host_key(f"booting\r\n{OTHER} somebody\r\nlogin:") is None


@pytest.mark.parametrize("missing", range(1, 90, 8))
def test_a_capture_that_ends_in_the_middle_is_not_believed(missing: int):
    """The console is captured while it is being written: half a key would lock us out of our own machine."""
    end = CONSOLE.index(KEYS_END) + len(KEYS_END)
    assert parse_host_key(CONSOLE[: end - missing]) is None
