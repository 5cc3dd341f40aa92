"""The log of changes on the VM."""

from resonant.commands.on_vm import on_vm
from resonant.commands.shell import Command
from resonant.paths import RECEIPTS


def append(receipt: str) -> Command:
    """`receipt` is a JSON object without secrets: it shows in the process list and stays for ever."""
    return on_vm("receipts", "append", RECEIPTS, receipt)


def read(count: int) -> Command:
    """The last `count` lines; 0: all of them."""
    return on_vm("receipts", "read", RECEIPTS, str(count))
