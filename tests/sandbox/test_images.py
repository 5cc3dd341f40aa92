"""Recipes: complete, and built again only when something that goes in has changed."""

import re
from pathlib import Path

import pytest
import yaml

from sandbox.images import bases
from sandbox.images.building import choose_tag
from sandbox.images.catalog import MACHINE, STAND_INS, TOOLS, Recipe

REPOSITORY = Path(__file__).parents[2]


def images_of_the_compose_files() -> set[str]:
    """Of the stack and of the reference application; what is built has none."""
    files = [REPOSITORY / folder / "compose.yaml" for folder in ("stack", "apps")]
    services = [service for file in files for service in yaml.safe_load(file.read_text())["services"].values()]
    return {service["image"] for service in services if "image" in service}


def images_of_the_applications() -> set[str]:
    """What the Dockerfiles start from: named in FROM, or as the default of the ARG that FROM takes."""
    found = set()
    for file in REPOSITORY.glob("apps/*/Dockerfile"):
        text = file.read_text()
        defaults = dict(re.findall(r"^ARG (\w+)=(\S+)", text, re.MULTILINE))
        stages = set(re.findall(r"^FROM .* AS (\S+)", text, re.MULTILINE))
        sources = set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) - stages
        found |= {defaults.get(source.strip("${}"), source) for source in sources}
    return found


def test_every_image_has_a_stand_in_and_no_other():
    assert images_of_the_applications()
    assert set(STAND_INS) == images_of_the_compose_files() | images_of_the_applications()


@pytest.mark.parametrize("recipe", [*STAND_INS.values(), MACHINE, TOOLS], ids=lambda recipe: recipe.name)
def test_recipes_build_on_the_base_that_they_are_given(recipe):
    text = (recipe.folder / "Dockerfile").read_text()
    assert text.startswith("ARG BASE\n")
    assert set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) == {"${BASE}"}


def test_tag_changes_with_content_and_base_alone(tmp_path):
    recipe = Recipe("thing", tmp_path, "trixie")
    (tmp_path / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\n")
    before = choose_tag(recipe, "base:1")
    assert choose_tag(recipe, "base:1") == before
    assert choose_tag(recipe, "base:2") != before
    (tmp_path / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\nRUN true\n")
    assert choose_tag(recipe, "base:1") != before


def test_certificates_of_the_host_are_trusted_only_where_it_has_some(tmp_path, monkeypatch):
    monkeypatch.setattr(bases, "HOST_CERTIFICATES", tmp_path)
    assert bases.trust_environment() == []
    (tmp_path / "proxy.crt").write_text("certificate")
    assert [setting.partition("=")[0] for setting in bases.trust_environment()] == list(bases.TRUST_VARIABLES)
