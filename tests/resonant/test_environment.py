import shlex
import subprocess

import pytest
import yaml

from resonant.environment import decide_environment, parse_environment, render_environment
from resonant.errors import ResonantError
from resonant.source import CHECKOUT
from tests.vocabulary import settings


def test_the_password_is_made_once_and_kept():
    first = decide_environment(settings(), {}, has_database=False)
    again = decide_environment(settings(), first, has_database=True)
    assert len(first["POSTGRES_PASSWORD"]) >= 32
    assert again == first
    assert decide_environment(settings(), {}, has_database=False) != first


def test_a_lost_password_of_a_living_database_is_an_error():
    with pytest.raises(ResonantError, match=r"\.env\.prod .* is gone"):
        decide_environment(settings(), {}, has_database=True)


def test_every_variable_of_the_stack_is_decided():
    text = (CHECKOUT / "stack/compose.yaml").read_text()
    assert yaml.safe_load(text)
    used = {part.partition("}")[0].rstrip("?:-") for part in text.split("${")[1:]}
    assert used == set(decide_environment(settings(), {}, has_database=False))


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
