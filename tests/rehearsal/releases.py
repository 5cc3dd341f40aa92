"""What the stories say about releases of the reference application, copied into a repository of its own so that they can change it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from resonant.source import CHECKOUT
from tests.applications.copies import Repository, copy_application
from tests.applications.faults import Edit, replace
from tests.rehearsal.traffic import Intent, Load, Report, traffic
from tests.rehearsal.vocabulary import Done, Site
from tests.sandbox_vm.vocabulary import wait_until

TITLE = "Resonant Dashboard"
FIRST = f"{TITLE} first"
QUICK = {"RESONANT_SOAK_SECONDS": "8", "RESONANT_HEALTH_DEADLINE_SECONDS": "30"}
PERMANENT = ("nginx", "postgres")


class Releases:
    """`title`, which visitors read in the API's description, tells which release serves."""

    def __init__(self, site: Site, folder: Path) -> None:
        self.site = site
        self.repository: Repository = copy_application(CHECKOUT / "apps", folder)

    @property
    def environment(self) -> dict[str, str]:
        return {"RESONANT_APPLICATION_REPOSITORY": str(self.repository.folder), **QUICK}

    def rename(self, title: str) -> str:
        """One changed line of the backend; returns the commit."""
        before = (
            (self.repository.folder / "backend/backend/app.py").read_text().partition('title="')[2].partition('"')[0]
        )
        return self.repository.edit(replace("backend/backend/app.py", f'title="{before}"', f'title="{title}"'))

    def try_out(self, *edits: Edit) -> str:
        """The commit of a change that is not kept on the branch."""
        for edit in edits:
            edit(self.repository.folder)
        commit = self.repository.commit("tried")
        self.repository.git("branch", "--quiet", "--force", f"tried-{commit[:12]}", commit)
        self.repository.git("reset", "--quiet", "--hard", "HEAD^")
        return commit

    def deploy(self, ref: str, **settings: str) -> Done:
        released = self.try_deploy(ref, **settings)
        assert released.returncode == 0, released.stdout
        return released

    def try_deploy(self, ref: str, *, checkout: Path = CHECKOUT, **settings: str) -> Done:
        return self.site.run_flow("deploy", env={**self.environment, **settings}, checkout=checkout, ref=ref)

    def bring_back_own(self) -> None:
        """The application of the checkout serves again, as it did before the stories."""
        own = self.site.run_flow("deploy", soak_seconds=0)
        assert own.returncode == 0, own.stdout

    @property
    def title(self) -> str:
        return str(self.site.api.get("/api/openapi.json").raise_for_status().json()["info"]["title"])

    def read_permanent(self) -> dict[str, str]:
        """What a change of the application's code must leave alone: since when it runs, by name."""
        return {
            entry["Name"]: entry["State"]["StartedAt"]
            for entry in self.site.read_containers()
            if entry["Config"]["Labels"]["com.docker.compose.service"] in PERMANENT
        }

    @contextmanager
    def nobody_notices(self, *, requests: int = 1000, **plan: object) -> Iterator[Load]:
        """Traffic while the block runs; afterwards no request failed, no WebSocket was cut, each intent was done once."""
        wait_until(lambda: not self._read_waiting(), "bridge without work", seconds=120)
        asked = self._count_answers_of_claude()
        with traffic(self.site, **plan) as load:
            yield load
        assert_unnoticed(load.report, requests)
        self._assert_done_once(load.report.intents, asked)

    def _read_waiting(self) -> list[str]:
        counts = self.site.api.get("/api/intents").raise_for_status().json()["counts"]
        return [state for state in ("pending", "processing") if counts[state]]

    def _count_answers_of_claude(self) -> int:
        answers = httpx.get(self.site.llm_admin, trust_env=False).raise_for_status().json()["answers"]
        return int(answers.get("200", 0))

    def _assert_done_once(self, intents: list[Intent], asked_before: int) -> None:
        assert len(intents) > 5
        assert len({intent.id for intent in intents}) == len(intents)
        done = [self.site.wait_for_intent(intent.id, "done") for intent in intents]
        assert [intent["text"] for intent in done] == [intent.text for intent in intents]
        assert {intent["error"] for intent in done} == {None}
        assert self._count_answers_of_claude() - asked_before == len(intents)


def assert_unnoticed(report: Report, requests: int) -> None:
    assert report.failed == 0, report
    assert report.requests > requests, report
    assert report.cut_websockets == [], report
    assert all(end.reconnect_seconds >= 0 and end.refused == 0 for end in report.websocket_ends), report


def assert_failed(done: Done, *words: str) -> None:
    """With one message that has these words, and no traceback."""
    assert done.returncode == 1, done.stdout
    told = done.stdout.partition("\ndeploy failed: ")[2]
    assert told and "Traceback" not in done.stdout, done.stdout
    assert [word for word in words if word not in told] == [], told


def assert_tidy(site: Site) -> None:
    """Nothing of what was interrupted is left: each service of the reference application runs once, and no timer waits."""
    services = [entry["Config"]["Labels"]["com.docker.compose.service"] for entry in site.read_containers()]
    assert sorted(services) == ["backend", "frontend", "intent_bridge", "nginx", "postgres"]
    assert site.ssh("sudo find /opt/resonant/site -name '*.part' -o -name '.*.tar.gz'") == ""
    assert site.ssh("systemctl list-timers --all --no-legend 'resonant-trial*'") == ""


def let_lease_end(site: Site) -> None:
    """As 45 seconds without a sign of life do; one story waits for real."""
    site.ssh("sudo rm -f /opt/resonant/site/lease/heartbeat")
