import shlex
import subprocess
from pathlib import Path

import pytest

from resonant.application import parse_description
from resonant.environment import (
    choose_secrets,
    decide_environment,
    parse_environment,
    read_given,
    render_environment,
)
from resonant.errors import ResonantError, SettingsInvalid
from resonant.source import CHECKOUT
from tests.vocabulary import settings

DESCRIPTION = parse_description((CHECKOUT / "apps/resonant.yaml").read_text())
GIVEN = {"ANTHROPIC_API_KEY": "a-key"}


def test_a_generated_secret_is_made_once_and_kept():
    first = decide_environment(DESCRIPTION, GIVEN, {}, has_data=False)
    again = decide_environment(DESCRIPTION, GIVEN, first, has_data=True)
    assert len(first["POSTGRES_PASSWORD"]) >= 32
    assert again == first
    assert decide_environment(DESCRIPTION, GIVEN, {}, has_data=False) != first


def test_lost_secrets_of_living_data_are_an_error():
    with pytest.raises(ResonantError, match=r"POSTGRES_PASSWORD, made with it"):
        decide_environment(DESCRIPTION, GIVEN, {}, has_data=True)


def test_a_new_secret_beside_kept_ones_is_made():
    kept = {"OTHER": "kept"}
    assert decide_environment(DESCRIPTION, GIVEN, kept, has_data=True)["POSTGRES_PASSWORD"]


def test_all_missing_variables_are_named_at_once():
    described = parse_description(
        "web: {a: {port: 80, paths: [/]}}\nenvironment: {ONE: {}, TWO: {secret: true}, THREE: {default: x}}"
    )
    with pytest.raises(SettingsInvalid, match="ONE, TWO") as caught:
        decide_environment(described, {"TWO": ""}, {}, has_data=False)
    assert "THREE" not in str(caught.value)


def test_a_variable_that_is_described_no_more_disappears():
    kept = {**decide_environment(DESCRIPTION, GIVEN, {}, has_data=False), "OLD": "x"}
    assert "OLD" not in decide_environment(DESCRIPTION, {**GIVEN, "OLD": "x"}, kept, has_data=True)


def test_the_secrets_of_another_application_are_not_forgotten():
    values = decide_environment(DESCRIPTION, GIVEN, {}, has_data=False)
    kept = choose_secrets(DESCRIPTION, {"SIGNING_KEY": "other"}, values)
    assert kept == {"SIGNING_KEY": "other", "POSTGRES_PASSWORD": values["POSTGRES_PASSWORD"]}


def test_the_object_wins_over_the_file_and_the_file_over_the_shorthands(tmp_path: Path):
    file = tmp_path / "app.env"
    file.write_text("ANTHROPIC_API_KEY=from-file\nLOG=from-file\n")
    given = read_given(settings(environment_file=file, environment={"LOG": "from-object"}))
    assert (given["ANTHROPIC_API_KEY"], given["LOG"]) == ("from-file", "from-object")
    with pytest.raises(SettingsInvalid, match="ENVIRONMENT_FILE"):
        read_given(settings(environment_file=tmp_path / "none"))


@pytest.mark.parametrize(
    "value", ["plain", "", "a b", 'with "double"', "$HOME and `id`", "back\\slash", "#hash", "ünï", "a=b=c"]
)
def test_a_value_comes_back_as_it_was(value: str):
    assert parse_environment(render_environment({"NAME": value})) == {"NAME": value}


@pytest.mark.parametrize("value", ["plain", "a b", "$HOME `id` \\ #"])
def test_a_shell_reads_the_same(value: str):
    script = f'set -a; eval {shlex.quote(render_environment({"NAME": value}))}; printf %s "$NAME"'
    assert subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout == value


@pytest.mark.parametrize("value", ["it's", "two\nlines"])
def test_what_compose_could_not_read_is_refused_without_showing_it(value: str):
    with pytest.raises(ResonantError) as caught:
        render_environment({"ANTHROPIC_API_KEY": value})
    assert "ANTHROPIC_API_KEY" in str(caught.value) and value not in str(caught.value)


def test_comments_and_empty_lines_are_no_variables():
    assert parse_environment("# a=b\n\n A = 'x' \n") == {"A": "x"}
