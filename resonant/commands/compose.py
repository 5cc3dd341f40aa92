"""Docker Compose: the application's own file under an override of ours, and the stack that is permanent."""

import hashlib
from collections.abc import Sequence

from resonant.commands.shell import Command, joined, script
from resonant.paths import ACTIVATIONS, APPLICATION_REPOSITORY, ENVIRONMENT, RELEASES
from resonant.release import Release
from resonant.slots import PROJECT, Slot, name_project

NGINX = f"{PROJECT}-nginx-1"
CERTIFICATE_PROFILE = "certificate"
TRIAL = "resonant-trial"
GUARD_UNIT = "/etc/systemd/system/resonant-settle.service"


def application(release: Release, slot: Slot, *arguments: str) -> Command:
    folder = f"{RELEASES}/{release.id}"
    return [
        "env", "COMPOSE_IGNORE_ORPHANS=true", "docker", "compose", "--project-name", name_project(slot),
        "--env-file", environment_file(release.id), "--project-directory", application_folder(release.id),
        "--file", f"{application_folder(release.id)}/{release.description.compose}",
        "--file", f"{folder}/{override_file(slot)}", *arguments,
    ]  # fmt: skip


def stack(release: str, *arguments: str) -> Command:
    return [
        "env", "COMPOSE_IGNORE_ORPHANS=true", "docker", "compose", "--project-name", PROJECT, "--env-file", ENVIRONMENT,
        "--file", f"{RELEASES}/{release}/stack/compose.yaml", *arguments,
    ]  # fmt: skip


def application_folder(release: str) -> str:
    return f"{RELEASES}/{release}/app"


def environment_file(release: str) -> str:
    """A release's own copy: a rollback brings it back, too."""
    return f"{RELEASES}/{release}/.env.prod"


def override_file(slot: Slot) -> str:
    return f"compose.{slot or 'permanent'}.yaml"


def start(release: Release, slot: Slot, services: Sequence[str]) -> Command:
    """Create and start, without waiting; what is there already but different is replaced."""
    return application(release, slot, "up", "--detach", "--no-build", "--no-deps", "--quiet-pull", *services)


def start_permanent(release: Release, services: Sequence[str], timeout_seconds: int) -> Command:
    return application(
        release, "", "up", "--detach", "--no-build", "--no-deps", "--quiet-pull", "--wait", "--wait-timeout", str(timeout_seconds),
        *services,
    )  # fmt: skip


def run_once(
    release: Release, slot: Slot, service: str, command: Sequence[str], variables: Sequence[str] = (), name: str = ""
) -> Command:
    """A container of the release for one command; `variables` are NAME=value and no secrets."""
    given = [*(["--name", name] if name else []), *(word for variable in variables for word in ("--env", variable))]
    return application(release, slot, "run", "--rm", "--no-deps", "-T", *given, service, *command)


def start_nginx(release: str, timeout_seconds: int) -> Command:
    """Started or, when its own definition changed, replaced."""
    return stack(
        release,
        "up",
        "--detach",
        "--no-build",
        "--quiet-pull",
        "--wait",
        "--wait-timeout",
        str(timeout_seconds),
        "nginx",
    )


def create_nginx(release: str) -> Command:
    """Without starting it: its networks and its place."""
    return stack(release, "up", "--no-start", "--no-build", "--quiet-pull", "nginx")


def pull_stack(release: str) -> Command:
    return stack(release, "--profile", CERTIFICATE_PROFILE, "pull", "--quiet", "--policy", "missing")


def test_nginx(activation: int) -> Command:
    """nginx's own parser on a configuration that nobody is led by yet."""
    return [
        "docker",
        "exec",
        NGINX,
        "nginx",
        "-t",
        "-q",
        "-c",
        f"/etc/nginx/site/{name_activation(activation)}/nginx.conf",
    ]


def test_first_nginx(release: str, activation: int) -> Command:
    """The same where no nginx runs yet."""
    file = f"/etc/nginx/site/{name_activation(activation)}/nginx.conf"
    return stack(release, "run", "--rm", "--no-deps", "-T", "nginx", "nginx", "-t", "-q", "-c", file)


def switch(activation: int, seconds: int = 10) -> Command:
    """Point the front door at an activation, reload nginx, and wait until a new worker says that it serves it."""
    return script(
        f'cd {ACTIVATIONS} && ln -sfn "$1" current.next && mv -T current.next current',
        f"docker exec {NGINX} sh -c 'nginx -c /etc/nginx/site/current/nginx.conf -t -q && "
        "nginx -c /etc/nginx/site/current/nginx.conf -s reload'",
        f"for _ in $(seq {seconds * 10}); do",
        f'  [ "$(docker exec {NGINX} curl --silent --max-time 2 http://127.0.0.1:8081/healthz)" = "$2" ] && exit 0',
        "  sleep 0.1",
        "done",
        'echo "nginx was reloaded but does not serve activation $2" >&2; exit 1',
        arguments=[name_activation(activation), str(activation)],
    )


def name_activation(activation: int) -> str:
    return f"{activation:06d}"


def link(activation: int) -> Command:
    """Without telling nginx: where none runs, or another one is about to take its place."""
    return script(
        f'cd {ACTIVATIONS} && ln -sfn "$1" current.next && mv -T current.next current',
        arguments=[name_activation(activation)],
    )


def accept(activation: int) -> Command:
    """The trial is over: durable, because a reboot asks for it. The release can be rolled back to from now on."""
    return script(
        f'cd {ACTIVATIONS}/"$1" && touch release/accepted accepted && sync accepted .',
        arguments=[name_activation(activation)],
    )


def set_head(commit: str) -> Command:
    """What the application's repository on the VM calls HEAD: the commit that serves."""
    git = f"git --git-dir {APPLICATION_REPOSITORY}"
    return script(
        f'{git} update-ref refs/heads/released "$1"', f"{git} symbolic-ref HEAD refs/heads/released", arguments=[commit]
    )


def unpack_front(archive: str, folder: str, release: str) -> Command:
    """The stack's own nginx files of the release, over them the rendered ones; complete or not there."""
    return script(
        'rm -rf "$2.part" && mkdir -p "$2.part"', f'cp -r "{RELEASES}/$3/stack/nginx/." "$2.part/"',
        'tar -xzf "$1" --no-same-owner -C "$2.part"', f'ln -s "{RELEASES}/$3" "$2.part/release"',
        'rm -rf "$2" && mv -T "$2.part" "$2" && rm -f "$1"', arguments=[archive, folder, release],
    )  # fmt: skip


def arm_trial(program: str, seconds: float) -> Command:
    """A timer of systemd that settles the site when nobody accepts the trial in time."""
    return joined(
        disarm_trial(),
        [
            "systemd-run",
            "--quiet",
            "--collect",
            f"--unit={TRIAL}",
            f"--on-active={seconds:.0f}s",
            "python3",
            program,
            ACTIVATIONS,
        ],
    )


def disarm_trial() -> Command:
    return script(f"systemctl stop {TRIAL}.timer 2>/dev/null || true")


def enable_guard() -> Command:
    return script("systemctl daemon-reload", "systemctl enable --quiet resonant-settle.service")


def digest(*contents: bytes) -> str:
    return hashlib.sha256(b"".join(contents)).hexdigest()


def stop(containers: Sequence[str]) -> Command:
    """Each by its own signal and grace period; a container that is gone already is no error."""
    return script('for name in "$@"; do', '  docker stop "$name" >/dev/null 2>&1 || ! docker inspect "$name" >/dev/null 2>&1', "done",
                  arguments=containers)  # fmt: skip


def prune(images: Sequence[str], releases: Sequence[str], activations: Sequence[str]) -> Command:
    """Remove images, release folders and activations by name; images that no tag names; build cache beyond 5 GB. No volume, ever."""
    return joined(
        script('[ $# -eq 0 ] || docker image rm "$@" >/dev/null 2>&1 || true', arguments=images),
        script('for name in "$@"; do rm -rf "/opt/resonant/site/releases/${name:?}"; done', arguments=releases),
        script('for name in "$@"; do rm -rf "/opt/resonant/site/nginx/${name:?}"; done', arguments=activations),
        ["docker", "image", "prune", "--force"],
        ["docker", "builder", "prune", "--force", "--keep-storage", "5GB"],
    )


def list_kept() -> Command:
    """One JSON object: release folders, newest first, with their images and whether they ever served; activations; our images."""
    ask = (
        "import json, os, subprocess\n"
        "site = '/opt/resonant/site'\n"
        "def entries(folder):\n"
        "    try:\n"
        "        found = [entry for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False)]\n"
        "    except FileNotFoundError:\n"
        "        return []\n"
        "    return [entry.name for entry in sorted(found, key=lambda entry: -entry.stat().st_mtime)]\n"
        "def images(name):\n"
        "    try:\n"
        "        with open(f'{site}/releases/{name}/release.json') as file:\n"
        "            return [service['image'] for service in json.load(file)['services'].values()]\n"
        "    except (OSError, ValueError, KeyError):\n"
        "        return None\n"
        "listed = subprocess.run(['docker', 'image', 'ls', '--format', '{{.Repository}}:{{.Tag}}', 'resonant/*'],\n"
        "                        capture_output=True, text=True).stdout.split()\n"
        "releases = [{'id': name, 'images': images(name), 'served': os.path.exists(f'{site}/releases/{name}/accepted')}\n"
        "            for name in entries(f'{site}/releases')]\n"
        "print(json.dumps({'releases': releases, 'activations': entries(f'{site}/nginx'), 'images': listed}))\n"
    )
    return ["python3", "-c", ask]
