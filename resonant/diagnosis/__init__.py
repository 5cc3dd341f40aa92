"""Why a release failed: rules over collected evidence, the most certain first; each cause is a key of `NEXT_STEPS`."""

from collections.abc import Callable

from resonant.diagnosis import containers, machine, said, web
from resonant.diagnosis.case import Case, Diagnosis, Expectation, ExpectedWeb, Soak, Stage
from resonant.diagnosis.causes import NEXT_STEPS
from resonant.diagnosis.evidence import Evidence, parse_evidence
from resonant.diagnosis.words import telling_line

__all__ = [
    "NEXT_STEPS", "RULES", "Diagnosis", "Evidence", "Expectation", "ExpectedWeb", "Soak", "Stage", "diagnose", "parse_evidence", "render",
]  # fmt: skip

Rule = Callable[[Case], Diagnosis | None]

RULES: tuple[Rule, ...] = (
    said.docker_is_silent,
    said.fetch_failed,
    said.hook_failed,
    machine.disk_is_full,
    said.compose_misses_a_variable,
    said.build_failed,
    machine.ran_out_of_memory,
    machine.architecture_differs,
    said.registry_refused,
    said.port_is_taken,
    said.compose_refused,
    said.nginx_refused,
    containers.database_is_down,
    said.migration_failed,
    web.listens_on_loopback,
    web.health_check_is_broken,
    containers.words_of_containers,
    containers.ended,
    web.listens_elsewhere,
    web.health_answers_badly,
    web.own_check_fails,
    web.starts_slowly,
    containers.fell_and_came_back,
    web.soak_went_badly,
    containers.container_is_missing,
)
WHILE = {
    Stage.FETCH: "while its source was fetched",
    Stage.BUILD: "while its images were built",
    Stage.PULL: "while its images were pulled",
    Stage.MIGRATE: "while the database was migrated",
    Stage.START: "while it started",
    Stage.SWITCH: "at the switch",
    Stage.SOAK: "in the soak after the switch",
    Stage.HOOK: "in a hook",
}


def diagnose(stage: Stage, said: str, evidence: Evidence | None, expected: Expectation) -> Diagnosis:
    """The most certain cause; "unclear", with what was seen, when no rule knows one."""
    case = Case(stage, said, evidence or Evidence(), expected)
    return next((found for rule in RULES if (found := rule(case))), None) or _unclear(case)


def render(diagnosis: Diagnosis) -> str:
    """One message: what failed, the cause, what was seen, what to do."""
    who = f"{diagnosis.service}: " if diagnosis.service else ""
    return "\n".join(
        [
            f"The release failed {WHILE[diagnosis.stage]}. {who}{diagnosis.cause}: {diagnosis.summary}",
            *(f"  seen: {line}" for line in diagnosis.evidence),
            f"Next: {diagnosis.next_step}",
        ]
    )


def _unclear(case: Case) -> Diagnosis:
    line = telling_line(case.said.splitlines())
    first = case.unwell[0].service if case.unwell else case.named
    return case.found(
        "unclear", first, f"no cause is certain; the last that was said: {line or 'nothing'}", *_unanswered(case)
    )


def _unanswered(case: Case) -> list[str]:
    return [f"not known: {name}: {reason}" for name, reason in case.evidence.reasons[:3]]
