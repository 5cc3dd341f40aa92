"""Wrong settings are all named at once, and no secret is ever shown."""

from pathlib import Path

import pytest

from resonant.errors import SettingsInvalid
from resonant.settings import FILE_VARIABLE, PREFIX, Settings, read_settings
from tests.vocabulary import settings as build_settings

WRONG = {
    "SITE": "Has Spaces",
    "DOMAIN": "not a domain",
    "TIME_ZONE": "Mars/Olympus",
    "CONNECTION": "telnet",
    "SSH_PORT": "70000",
    "OCI_ENDPOINT": "ftp://example.org",
    "OCPUS": "many",
    "MEMORY_IN_GBS": "0",
    "BOOT_VOLUME_SIZE_IN_GBS": "46",
    "ALLOW_BEYOND_FREE": "perhaps",
    "SSH_SOURCE_CIDR": "anywhere",
    "CAPACITY_DELAY_SECONDS": "0",
    "CAPACITY_DEADLINE_SECONDS": "-1",
    "POLL_SECONDS": "1000",
    "PREFECT_PORT": "80",
    "DEPLOY_TIMEOUT_SECONDS": "1",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """A working folder without a .env file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(f"{PREFIX}ANTHROPIC_API_KEY", "a-key")
    return monkeypatch


def problems(environment: pytest.MonkeyPatch, **values: str) -> str:
    for name, value in values.items():
        environment.setenv(PREFIX + name, value)
    with pytest.raises(SettingsInvalid) as caught:
        read_settings()
    return str(caught.value)


def test_one_key_is_all_that_a_site_needs(environment: pytest.MonkeyPatch):
    assert read_settings() == Settings(_env_file=None)
    environment.delenv(f"{PREFIX}ANTHROPIC_API_KEY")
    assert "RESONANT_ANTHROPIC_API_KEY: Value error, is needed by the reference application" in problems(environment)


def test_another_application_does_not_need_that_key(environment: pytest.MonkeyPatch):
    environment.delenv(f"{PREFIX}ANTHROPIC_API_KEY")
    environment.setenv(f"{PREFIX}APPLICATION_REPOSITORY", "https://example.org/shop.git")
    assert read_settings().application_repository == "https://example.org/shop.git"


def test_every_wrong_setting_is_named_in_one_message(environment: pytest.MonkeyPatch):
    message = problems(environment, **WRONG)
    assert [name for name in WRONG if f"  {PREFIX}{name}: " not in message] == []
    assert len(message.splitlines()) == 1 + len(WRONG)


def test_the_values_are_never_shown(environment: pytest.MonkeyPatch):
    message = problems(environment, SITE="A-SECRET-PASTED-INTO-THE-WRONG-LINE", ANTHROPIC_API_KEY="sk-ant-secret")
    assert "SECRET-PASTED" not in message and "sk-ant-secret" not in message


def test_the_key_is_not_shown_by_repr_or_dump(environment: pytest.MonkeyPatch):
    environment.setenv("RESONANT_ANTHROPIC_API_KEY", "sk-ant-secret")
    settings = read_settings()
    assert settings.anthropic_api_key.get_secret_value() == "sk-ant-secret"
    assert "sk-ant-secret" not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"


def test_a_misspelt_setting_in_the_file_is_named(environment: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / ".env").write_text("RESONANT_SIET=x\n")
    assert "RESONANT_SIET" in problems(environment)


def test_local_needs_the_address(environment: pytest.MonkeyPatch):
    assert "RESONANT_ADDRESS is needed" in problems(environment, CONNECTION="local")


def test_a_named_file_must_exist(environment: pytest.MonkeyPatch, tmp_path: Path):
    environment.setenv(FILE_VARIABLE, str(tmp_path / "none.env"))
    with pytest.raises(SettingsInvalid, match=r"none\.env, which does not exist"):
        read_settings()


def test_the_environment_wins_over_the_file(environment: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "site.env").write_text("RESONANT_SITE=from-file\nRESONANT_OCPUS=1\n")
    environment.setenv(FILE_VARIABLE, str(tmp_path / "site.env"))
    environment.setenv("RESONANT_SITE", "from-environment")
    settings = read_settings()
    assert (settings.site, settings.ocpus) == ("from-environment", 1)


@pytest.mark.parametrize("domain", ["example.org", "a.b-c.example.co", "xn--bcher-kva.example", ""])
def test_domains(domain: str):
    assert build_settings(domain=domain).domain == domain


@pytest.mark.parametrize(
    "domain",
    ["localhost", "-a.org", "example.org.", "Example.org", "a_b.org", "a b.org", "203.0.113.10", "a" * 64 + ".org"],
)
def test_no_domains(domain: str):
    with pytest.raises(ValueError, match="domain"):
        build_settings(domain=domain)


def test_a_settings_object_never_changes():
    with pytest.raises(ValueError, match="frozen"):
        build_settings().site = "other"
