"""The VM, the database or the stack refuses a release: the old one serves on, the message says what and where, the next run works."""

import shlex
from contextlib import contextmanager

from tests.applications.faults import replace
from tests.checkouts import copy_checkout
from tests.rehearsal.releases import FIRST, TITLE, assert_failed

VERSIONS = "backend/migrations/versions"
LOCK_SECONDS = 5
PSQL = "sudo docker exec resonant-postgres-1 psql -U resonant -d resonant_dashboard -v ON_ERROR_STOP=1 -XAtqc"
REVISION = "SELECT version_num FROM alembic_version"
NOTE = "SELECT column_name FROM information_schema.columns WHERE table_name = 'intents' AND column_name = 'note'"
BEFORE = "UPDATE alembic_version SET version_num = '0001'; ALTER TABLE intents DROP COLUMN IF EXISTS note"
# Somebody reads intents and does not end: no statement of visitors has to wait for that alone.
LONG = "BEGIN; SELECT count(*) FROM intents; SELECT pg_sleep(120); COMMIT"
END_LONG = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(120)%' AND pid <> pg_backend_pid()"
RELEASES = "/opt/resonant/site/releases"


def migration(statement):
    """A second revision, as its author would write it."""
    text = (
        '"""A second revision."""\n\nfrom alembic import op\n\nrevision = "0002"\ndown_revision = "0001"\n'
        f"branch_labels = None\ndepends_on = None\n\n\ndef upgrade() -> None:\n    op.execute({statement!r})\n"
    )
    return lambda folder: (folder / VERSIONS / "0002_second.py").write_text(text)


def test_a_migration_that_fails_leaves_schema_and_release_as_they_were(site, releases):
    commit = releases.try_out(
        migration("ALTER TABLE intents ADD COLUMN note text; ALTER TABLE intentions DROP COLUMN x")
    )
    with releases.nobody_notices():
        failed = releases.try_deploy(commit)
    assert_failed(
        failed,
        "while the database was migrated",
        "migration failed",
        "0001 -> 0002",
        'relation "intentions" does not exist',
    )
    assert releases.title == FIRST
    assert (ask(site, REVISION), ask(site, NOTE)) == ("0001", "")


@contextmanager
def long_transaction(site):
    process = site.open_ssh(f"{PSQL} {shlex.quote(LONG)}")
    try:
        yield
    finally:
        ask(site, END_LONG)
        process.communicate(timeout=30)


def test_a_migration_that_finds_its_table_locked_gives_up_before_visitors_do(site, releases):
    commit = releases.try_out(migration("ALTER TABLE intents ADD COLUMN note text"))
    with releases.nobody_notices() as load, long_transaction(site):
        failed = releases.try_deploy(commit)
    assert_failed(failed, "migration locked", "lock timeout", "transaction active, open for")
    assert load.report.p99_seconds < LOCK_SECONDS + 2, load.report
    assert (ask(site, REVISION), ask(site, NOTE)) == ("0001", "")


def test_a_good_migration_comes_after_a_dump_and_is_part_of_the_release(site, releases):
    releases.repository.edit(migration("ALTER TABLE intents ADD COLUMN note text"))
    try:
        with releases.nobody_notices():
            released = releases.deploy(releases.rename(f"{TITLE} N"))
        assert (ask(site, REVISION), ask(site, NOTE)) == ("0002", "note")
        dump = released.stdout.partition("dump before the migration: ")[2].split()[0]
        assert site.ssh(f"sudo stat -c '%U %a' {dump}") == "root 600"
        listed = site.ssh(f"sudo cat {dump} | sudo docker exec -i resonant-postgres-1 pg_restore --list")
        assert "TABLE DATA public intents" in listed
        manifest = site.ssh("sudo cat /opt/resonant/site/nginx/current/release/release.json")
        assert '"schema_version": "0002"' in manifest

        # The release before it works with the new schema: that is what the rule for migrations is for.
        with releases.nobody_notices():
            back = site.run_flow("rollback", env=releases.environment)
        assert back.returncode == 0, back.stdout
        assert (releases.title, ask(site, REVISION)) == (FIRST, "0002")
    finally:
        releases.repository.git("reset", "--quiet", "--hard", "HEAD~2")
        ask(site, BEFORE)


def ask(site, statement):
    return site.ssh(f"{PSQL} {shlex.quote(statement)}")


@contextmanager
def full_disk(site):
    """The folder of the releases on a small disk of its own, filled to the last block."""
    size = f"$(sudo du -sk --apparent-size {RELEASES} | cut -f1)"
    site.ssh(
        f"sudo cp -a {RELEASES} /run/kept && sudo mount -t tmpfs -o size=$(({size} * 2 + 4096))k releases {RELEASES} && "
        f"sudo cp -a /run/kept/. {RELEASES}/ && (sudo dd if=/dev/zero of={RELEASES}/.filling bs=64k 2>/dev/null || true)"
    )
    try:
        yield
    finally:
        site.ssh(f"sudo umount {RELEASES} && sudo rm -rf /run/kept")


def test_a_full_disk_is_told_and_nothing_is_lost(site, releases):
    with releases.nobody_notices(), full_disk(site):
        failed = releases.try_deploy(releases.try_out(replace("backend/backend/app.py", TITLE, f"{TITLE} full")))
    assert_failed(failed, "disk full", RELEASES)
    assert releases.title == FIRST
    releases.deploy(releases.rename(f"{TITLE} O"))
    assert releases.title == f"{TITLE} O"


def test_a_stack_whose_nginx_file_is_wrong_is_refused_with_its_line(releases, tmp_path):
    checkout, title = copy_checkout(tmp_path), releases.title
    file = checkout / "stack/nginx/nginx.conf"
    file.write_text(file.read_text().replace("http {", "http {\n    gzip maybe;", 1))
    with releases.nobody_notices():
        failed = releases.try_deploy(releases.repository.git("rev-parse", "HEAD"), checkout=checkout)
    assert_failed(failed, "nginx configuration invalid", 'invalid value "maybe" in "gzip" directive', "nginx.conf:")
    assert releases.title == title
    releases.deploy(releases.rename(f"{TITLE} P"))


def test_a_port_that_another_program_took_is_named_with_it(site, releases):
    """Here the site is away because somebody stopped nginx and took its port: the release cannot bring it back, and says why."""
    thief = "sudo systemd-run --quiet --collect --unit thief python3 -m http.server 80 --bind 0.0.0.0"
    site.ssh(f"sudo docker stop resonant-nginx-1 && {thief}")
    try:
        failed = releases.try_deploy(releases.rename(f"{TITLE} Q"))
    finally:
        site.ssh("sudo systemctl stop thief")
    assert_failed(failed, "port taken", "80", "python3")
    releases.deploy(releases.rename(f"{TITLE} R"))
    site.assert_serves_https()
    assert releases.title == f"{TITLE} R"


def test_what_cannot_be_fetched_is_told_and_touches_nothing(site, releases, tmp_path):
    before = releases.title
    with releases.nobody_notices():
        unknown = releases.try_deploy("no-such-branch")
        missing = releases.try_deploy("HEAD", RESONANT_APPLICATION_FOLDER="none")
        nowhere = releases.try_deploy("HEAD", RESONANT_APPLICATION_REPOSITORY=str(tmp_path / "none"))
        closed = releases.try_deploy("main", RESONANT_APPLICATION_REPOSITORY="ssh://git@127.0.0.1:1/none.git")
        (releases.repository.folder / "backend/backend/app.py").open("a").write("# not committed\n")
        dirty = releases.try_deploy("HEAD", RESONANT_ALLOW_UNCOMMITTED="false")
        releases.repository.git("checkout", "--quiet", ".")
    assert_failed(unknown, "no-such-branch")
    assert_failed(missing, "none")
    assert_failed(nowhere, str(tmp_path / "none"))
    assert_failed(closed, "127.0.0.1")
    assert_failed(dirty, "not committed")
    assert releases.title == before
