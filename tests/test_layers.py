"""The directions of design: flows -> tasks -> resonant, and one door for each outside system."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
OURS = ("flows", "tasks", "resonant", "deployments")
# What a package may import of ours besides itself.
MAY_IMPORT = {
    "resonant": set(),
    "tasks": {"resonant"},
    "flows": {"tasks", "resonant"},
    "deployments": {"tasks", "resonant"},
    "sandbox": set(),
}
ONLY_DOOR = {
    "oci": "resonant/oci_clients.py",
    "fabric": "resonant/remote.py",
    "invoke": "resonant/remote.py",
    "paramiko": "resonant/remote.py",
    "psycopg": "resonant/postgres.py",
    "prefect_shell": "tasks/shell.py",
    "apprise": "resonant/notify.py",
}
# deployments/ starts processes, which must inherit the environment; tasks and flows are told by Settings.
READ_ENVIRONMENT = {
    "resonant/settings.py",
    "deployments/operator/files.py",
    "deployments/operator/supervisor.py",
    "deployments/register.py",
    # On the VM, where no setting of ours is: Docker's own variables are handed on.
    "resonant/on_vm/build.py",
}


@dataclass(frozen=True)
class Import:
    file: str
    module: str

    @property
    def package(self) -> str:
        return self.module.partition(".")[0]


def read_modules(*packages: str) -> Iterator[tuple[str, ast.Module]]:
    for package in packages:
        for file in sorted((CHECKOUT / package).rglob("*.py")):
            yield str(file.relative_to(CHECKOUT)), ast.parse(file.read_text())


def read_imports(*packages: str) -> list[Import]:
    """Imports at any depth of a file, those inside functions included."""
    found = []
    for file, tree in read_modules(*packages):
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                found += [Import(file, alias.name) for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert not node.level, f"{file}: a relative import hides its direction"
                found += [Import(file, f"{node.module}.{alias.name}") for alias in node.names]
    return found


def test_every_package_is_looked_at():
    for package in MAY_IMPORT:
        assert len(list(read_modules(package))) > 3, package


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_go_one_way(package: str):
    others = {*MAY_IMPORT, "apps", "tests", "docs"} - MAY_IMPORT[package] - {package}
    assert [entry for entry in read_imports(package) if entry.package in others] == []


def test_resonant_does_not_know_prefect():
    assert [entry for entry in read_imports("resonant") if entry.package.startswith("prefect")] == []


def test_sandbox_does_not_know_prefect():
    assert [entry for entry in read_imports("sandbox") if entry.package.startswith("prefect")] == []


@pytest.mark.parametrize(("library", "door"), ONLY_DOOR.items())
def test_each_library_has_one_door(library: str, door: str):
    importers = {entry.file for entry in read_imports(*OURS) if entry.package == library}
    assert importers <= {door}
    assert importers or not (CHECKOUT / door).exists(), f"{door} is there but does not import {library}"


def test_only_go_live_imports_flows():
    importers = {entry.file for entry in read_imports(*OURS) if entry.package == "flows"}
    assert importers == {"flows/go_live.py"}


def test_one_file_is_one_flow():
    for file, tree in read_modules("flows"):
        flows = [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and is_flow(node)]
        wanted = [] if Path(file).stem.startswith("__") else [Path(file).stem]
        assert flows == wanted, file


def is_flow(function: ast.FunctionDef) -> bool:
    return any(ast.unparse(decorator).startswith("flow(") for decorator in function.decorator_list)


def test_only_settings_reads_the_environment():
    readers = {
        file
        for file, tree in read_modules(*OURS)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("os.environ", "os.getenv", "os.environb")
    }
    hidden = {entry.file for entry in read_imports(*OURS) if entry.module in ("os.environ", "os.getenv")}
    assert readers == READ_ENVIRONMENT
    assert hidden == set()


def test_commands_are_built_and_never_run():
    runners = {"subprocess", "resonant.remote", "os"}
    assert [
        entry
        for entry in read_imports("resonant")
        if entry.file.startswith("resonant/commands/") and (entry.package in runners or entry.module in runners)
    ] == []
