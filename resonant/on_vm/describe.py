"""Unpack an application at a commit into a folder and print what its Compose file says, variables unresolved.

Arguments: bare repository, commit, folder inside it, target folder, Compose file, environment file, "keep" or "scratch".
Prints {"model": {…} | null, "error": "…", "trees": {path: object id}}; paths are relative to the application's folder.
"""

import json
import os
import posixpath
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

MISSING_ENVIRONMENT_FILE = re.compile(r"env file (.+?) not found")
MOST_ENVIRONMENT_FILES = 20
# Gives volumes without a name of their own one that every release shares.
PROJECT = "resonant"


def main(repository: str, commit: str, folder: str, target: str, compose: str, environment: str, how: str) -> None:
    place = Path(target)
    try:
        unpack(repository, f"{commit}:{folder}" if folder else commit, place)
        model, error = read_model(place, compose, environment)
        trees = read_trees(repository, commit, folder, find_paths(model)) if model else {}
        print(json.dumps({"model": model, "error": error, "trees": trees}))
    finally:
        if how == "scratch":
            shutil.rmtree(place, ignore_errors=True)


def unpack(repository: str, tree: str, place: Path) -> None:
    """The folder is complete or not there."""
    if place.exists():
        return
    part = place.with_name(f".{place.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    files, index = part / "files", part / "index"
    files.mkdir()
    # By a checkout: an archive would leave out what .gitattributes marks for archives.
    git = ["env", f"GIT_INDEX_FILE={index}", "git", "--git-dir", repository, "--work-tree", str(files)]
    try:
        for step in (["read-tree", tree], ["checkout-index", "--all", "--force"]):
            if subprocess.run([*git, *step], check=False).returncode != 0:
                sys.exit(f"could not unpack {tree} into {place}: is the disk full?")
        files.rename(place)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def read_model(place: Path, compose: str, environment: str) -> tuple[Any, str]:
    """An environment file that is not in the repository is the site's own: a link is put in its place.

    Most versions of Compose miss such a file only when the services are started.
    """
    command = [
        "docker",
        "compose",
        "--project-name",
        PROJECT,
        "--env-file",
        "/dev/null",
        "--file",
        compose,
        "config",
        "--no-interpolate",
        "--format",
        "json",
    ]
    error = ""
    for _ in range(MOST_ENVIRONMENT_FILES):
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=30, check=False)
        if done.returncode == 0:
            model = relative(json.loads(done.stdout), place)
            for path in find_environment_files(model):
                link_environment(place / path, place, environment)
            return model, ""
        error = done.stderr.strip()
        missing = MISSING_ENVIRONMENT_FILE.search(error)
        if not missing or not link_environment(Path(missing[1]), place, environment):
            break
    return None, error.replace(f"{place}/", "")


def link_environment(file: Path, place: Path, environment: str) -> bool:
    if not is_inside(str(file), place) or os.path.lexists(file):
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    # A plan has no environment file on the machine yet.
    file.symlink_to(environment if Path(environment).exists() else "/dev/null")
    return True


def is_inside(path: str, place: Path) -> bool:
    return posixpath.normpath(path).startswith(f"{place}/")


def relative(model: Any, place: Path) -> Any:
    """The same for every place where the folder lies."""
    text = json.dumps(model)
    return json.loads(text.replace(f'"{place}/', '"./').replace(f'"{place}"', '"."'))


def find_paths(model: Any) -> list[str]:
    """Build contexts, their Dockerfiles, and files or folders of the application that are mounted or read."""
    found = []
    for service in (model.get("services") or {}).values():
        build = service.get("build") or {}
        context = build.get("context", "") if isinstance(build, dict) else ""
        if context:
            found += [context, posixpath.join(context, build.get("dockerfile", "Dockerfile"))]
            found += (build.get("additional_contexts") or {}).values()
        for volume in service.get("volumes") or []:
            if isinstance(volume, dict) and volume.get("type") == "bind":
                found.append(volume.get("source", ""))
    found += find_environment_files(model)
    for kind in ("configs", "secrets"):
        found += [entry.get("file", "") for entry in (model.get(kind) or {}).values() if isinstance(entry, dict)]
    return sorted({path for path in found if path.startswith(".")})


def find_environment_files(model: Any) -> list[str]:
    entries = [entry for service in (model.get("services") or {}).values() for entry in service.get("env_file") or []]
    return [entry.get("path", "") if isinstance(entry, dict) else entry for entry in entries]


def read_trees(repository: str, commit: str, folder: str, paths: list[str]) -> dict[str, str]:
    """Git's own content hash of each path; a path that is not in the commit is left out."""
    trees = {}
    for path in paths:
        inside = posixpath.normpath(posixpath.join(folder, path))
        name = f"{commit}^{{tree}}" if inside == "." else f"{commit}:{inside}"
        command = ["git", "--git-dir", repository, "rev-parse", "--verify", "--quiet", name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            trees[path] = done.stdout.strip()
    return trees


if __name__ == "__main__":
    main(*sys.argv[1:])
