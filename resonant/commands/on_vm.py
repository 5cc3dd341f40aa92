"""Run one of the programs in `resonant/on_vm/` with the VM's own Python; nothing has to be installed there."""

from functools import cache
from pathlib import Path

from resonant.commands.shell import Command

FOLDER = Path(__file__).resolve().parent.parent / "on_vm"


def on_vm(program: str, *arguments: str) -> Command:
    """`arguments` are the program's `sys.argv[1:]`; they show in the process list, so no secret may be among them."""
    return ["python3", "-c", _read(program), *arguments]


@cache
def _read(program: str) -> str:
    return (FOLDER / f"{program}.py").read_text()
