"""What the documents say is there: settings, deployments, scripts, links and commands."""

import re
import subprocess
from pathlib import Path

import pytest

from docs import generate
from resonant.settings import PREFIX, Settings
from resonant.source import CHECKOUT

PAGES = sorted(
    [*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/*.md"), *CHECKOUT.glob("sandbox/*.md"), *CHECKOUT.glob("apps/*.md")]
)
REFERENCE = (CHECKOUT / "docs/reference.md").read_text()


def by_name(page: Path) -> str:
    return str(page.relative_to(CHECKOUT))


def read_blocks(page: Path) -> list[str]:
    """Lines of the page's shell blocks, without comments."""
    blocks = re.findall(r"```(?:sh|console)\n(.*?)```", page.read_text(), re.DOTALL)
    lines = [line.strip().removeprefix("$ ") for block in blocks for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def test_generated_documents_are_up_to_date(capsys: pytest.CaptureFixture[str]):
    assert generate.main(["--check"]) == 0, capsys.readouterr().out


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_described(name: str):
    variable = PREFIX + name.upper()
    assert Settings.model_fields[name].description, name
    assert f"| `{variable}` |" in REFERENCE
    assert re.search(rf"^#?{variable}=", (CHECKOUT / ".env.example").read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", [generate.deployment_name(entry) for entry in generate.read_deployments()])
def test_every_deployment_is_listed(name: str):
    assert f"| `{name}` |" in REFERENCE


@pytest.mark.parametrize("name", generate.flows.names())
def test_every_flow_is_in_the_reference_and_in_the_readme(name: str):
    assert f"### {name}\n" in REFERENCE
    assert f"`{name}`" in (CHECKOUT / "README.md").read_text()


@pytest.mark.parametrize("script", sorted(file.name for file in (CHECKOUT / "scripts").iterdir() if file.is_file()))
def test_every_script_is_mentioned(script: str):
    told = (CHECKOUT / "README.md").read_text() + (CHECKOUT / "CONTRIBUTING.md").read_text()
    told += (CHECKOUT / "docs/production.md").read_text()
    assert f"scripts/{script}" in told


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_every_link_leads_somewhere(page: Path):
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_every_command_of_ours_exists(page: Path):
    for line in read_blocks(page):
        for program in re.findall(r"(?<![\w./-])((?:scripts|\.ci)/[\w.-]+)", line):
            assert (CHECKOUT / program).is_file(), line
        for module in re.findall(r"python -m (flows|deployments|sandbox|docs|tests|bench)((?:\.\w+)*)", line):
            path = CHECKOUT / "".join(module).replace(".", "/")
            assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), line
        for flow in re.findall(r"python -m flows ([\w-]+)", line):
            assert flow in generate.flows.names(), line
        for deployment in re.findall(r"prefect deployment run ([\w/-]+)", line):
            assert f"`{deployment}`" in REFERENCE, line


def test_shell_blocks_are_read():
    assert "scripts/check" in "\n".join(read_blocks(CHECKOUT / "CONTRIBUTING.md"))


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_shell_blocks_are_valid_shell(page: Path):
    script = "\n".join(read_blocks(page))
    done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_no_setting_is_named_that_is_not_there():
    known = {PREFIX + name.upper() for name in Settings.model_fields} | {"RESONANT_SETTINGS_FILE"}
    for page in PAGES:
        named = set(re.findall(r"\bRESONANT_[A-Z_]+[A-Z]\b", page.read_text()))
        assert named <= known, page
