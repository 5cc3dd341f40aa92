"""`python -m docs.generate`: write .env.example and docs/reference.md from the settings, flows and deployments. --check only compares."""

import inspect
import sys
from pathlib import Path
from typing import Any

import yaml
from prefect.utilities.callables import parameter_docstrings

from flows import __main__ as flows
from resonant.settings import FILE_VARIABLE, PREFIX, Settings

CHECKOUT = Path(__file__).resolve().parent.parent
WRITTEN_BY = "scripts/check fails when it is out of date; write it with `.venv/bin/python -m docs.generate`."


def render_environment_example() -> str:
    """Every setting with its default, commented out; those without one are to be filled in."""
    head = [
        "# Settings of one site. Copy this file to .env, close it to others (chmod 600), uncomment what shall differ.",
        f"# {FILE_VARIABLE} names another file than .env; variables of the environment win over the file.",
        f"# {WRITTEN_BY}",
    ]
    entries = [
        f"\n# {_meaning(field)}\n{_mark(field)}{_variable(name)}={_default(field)}" for name, field in _fields().items()
    ]
    return "\n".join([*head, *entries, ""])


def render_reference() -> str:
    return "\n".join(
        [
            "# Reference",
            "",
            f"Written from the code: {WRITTEN_BY}",
            "",
            "## Settings",
            "",
            f"Environment variables, or lines of the file that `{FILE_VARIABLE}` names (default `.env`).",
            "",
            "| setting | default | meaning |",
            "| --- | --- | --- |",
            *[f"| `{_variable(name)}` | {_code(_default(field))} | {_meaning(field)} |" for name, field in _fields().items()],
            "",
            "## Flows",
            "",
            "`python -m flows NAME --param NAME=VALUE` runs one here and now; a deployment runs it on a worker.",
            "",
            *[line for name in flows.names() for line in _render_flow(name)],
            "## Deployments",
            "",
            "Registered on the VM's Prefect server; `prefect deployment run NAME --watch` starts one.",
            "",
            "| deployment | work pool | schedule | what it does |",
            "| --- | --- | --- | --- |",
            *[_render_deployment(entry) for entry in read_deployments()],
            "",
        ]
    )  # fmt: skip


def read_deployments() -> list[dict[str, Any]]:
    declared: list[dict[str, Any]] = yaml.safe_load((CHECKOUT / "prefect.yaml").read_text())["deployments"]
    return declared


def deployment_name(entry: dict[str, Any]) -> str:
    function = entry["entrypoint"].partition(":")[2]
    return f"{flows.load(function).name}/{entry['name']}"


def main(arguments: list[str]) -> int:
    wanted = {".env.example": render_environment_example(), "docs/reference.md": render_reference()}
    stale = [name for name, text in wanted.items() if _read(CHECKOUT / name) != text]
    if arguments == ["--check"]:
        print("\n".join(f"{name} is out of date: run .venv/bin/python -m docs.generate" for name in stale))
        return 1 if stale else 0
    for name in stale:
        (CHECKOUT / name).write_text(wanted[name])
        print(f"wrote {name}")
    return 0


def _fields() -> dict[str, dict[str, Any]]:
    fields: dict[str, dict[str, Any]] = Settings.model_json_schema()["properties"]
    return fields


def _variable(name: str) -> str:
    return PREFIX + name.upper()


def _default(field: dict[str, Any]) -> str:
    value = field.get("default", "")
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _mark(field: dict[str, Any]) -> str:
    """A setting without a default has to be filled in, so it is not commented out."""
    return "#" if "default" in field else ""


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _meaning(field: dict[str, Any]) -> str:
    """The description and, when there are any, its limits."""
    words = {"minimum": "at least {}", "maximum": "at most {}"}
    limits = [text.format(f"{field[key]:.15g}") for key, text in words.items() if key in field]
    if "enum" in field:
        limits.append("one of " + ", ".join(field["enum"]))
    description: str = field["description"]
    return f"{description.removesuffix('.')} ({', '.join(limits)})." if limits else description


def _render_flow(name: str) -> list[str]:
    flow = flows.load(name)
    lines = inspect.getdoc(flow.fn) or ""
    meanings = parameter_docstrings(lines)
    parameters = inspect.signature(flow.fn).parameters.values()
    told = [f"- `{entry.name}` ({_shown(entry)}): {meanings.get(entry.name, '')}" for entry in parameters]
    return [f"### {flow.name}", "", lines.partition("\n\n")[0].replace("\n", " "), "", *told, *([""] if told else [])]


def _shown(parameter: inspect.Parameter) -> str:
    kind = getattr(parameter.annotation, "__name__", str(parameter.annotation))
    return (
        f"{kind}, required"
        if parameter.default is inspect.Parameter.empty
        else f"{kind}, default `{parameter.default!r}`"
    )


def _render_deployment(entry: dict[str, Any]) -> str:
    schedules = ", ".join(f"`{schedule['cron']}`" for schedule in entry.get("schedules", []))
    return f"| `{deployment_name(entry)}` | {entry['work_pool']['name']} | {schedules} | {entry['description']} |"


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
