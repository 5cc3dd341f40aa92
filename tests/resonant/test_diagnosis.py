"""Each injected fault is named right. The recordings are of real containers: see tests/recordings/README.md."""

import doctest
import json
from types import ModuleType

import pytest

import resonant.diagnosis.evidence
import resonant.on_vm.evidence
from resonant.diagnosis import (
    NEXT_STEPS,
    Diagnosis,
    Expectation,
    ExpectedWeb,
    Soak,
    Stage,
    diagnose,
    parse_evidence,
    render,
)
from resonant.source import CHECKOUT
from tests.vocabulary import RECORDINGS, recorded

# recording -> (service, cause, words that the message must have)
CONTAINERS = {
    "oom_kill": ("backend", "out of memory", ["limit is 32 MiB", "restarted"]),
    "oom_kill_of_a_child": ("backend", "out of memory", ["limit is 48 MiB"]),
    "node_heap": ("backend", "out of memory", ["JavaScript heap out of memory"]),
    "java_heap": ("backend", "out of memory", ["java.lang.OutOfMemoryError: Java heap space"]),
    "command_not_found": ("backend", "command not found", ["gunicorn"]),
    "command_not_found_in_shell": ("backend", "command not found", ["gunicorn", "127"]),
    "not_executable": ("backend", "not executable", ["/etc/hostname"]),
    "script_with_crlf": ("backend", "command not found", ["/start.sh", "interpreter of its first line"]),
    "loopback_only": ("backend", "listens on loopback only", ["127.0.0.1:8000 only"]),
    "node_on_loopback_3000": ("backend", "wrong port", ["nothing listens on port 8000", "127.0.0.1:3000 only"]),
    "go_on_port_8080": ("backend", "wrong port", ["nothing listens on port 8000", ":8080"]),
    "ruby_on_port_9292": ("backend", "wrong port", ["nothing listens on port 8000", "0.0.0.0:9292"]),
    "health_hangs": ("backend", "health hangs", ["/api/health on port 8000", "not answered after 3 s"]),
    "health_trickles_headers": ("backend", "health hangs", ["not answered after 3 s"]),
    "health_never_ends": ("backend", "health body never ends", ["answers 200"]),
    "php_404": ("backend", "health path not found", ["/api/health on port 8000 answers 404"]),
    "health_500": ("backend", "health fails", ["answers 500", "ZeroDivisionError: division by zero"]),
    "health_503_says_why": ("backend", "health fails", ["answers 503", '"search_index":"stale"']),
    "health_redirects": ("backend", "health redirects", ["301", "https://example.org/api/health"]),
    "health_wants_login": ("backend", "health refused", ["answers 401", "login required"]),
    "closes_without_answer": ("backend", "health connection closed", ["closed without an answer"]),
    "not_http": ("backend", "not HTTP", ["SSH-2.0-OpenSSH"]),
    "python_key_error": ("backend", "missing variable", ["SESSION_SECRET"]),
    "node_env_undefined": ("backend", "missing variable", ["STRIPE_API_KEY"]),
    "go_env_missing": ("backend", "missing variable", ["DATABASE_URL"]),
    "ruby_env_fetch": ("backend", "missing variable", ["RAILS_MASTER_KEY"]),
    "php_env_undefined": ("backend", "missing variable", ["DATABASE_URL"]),
    "pydantic_settings": ("backend", "missing variable", ["SMTP_PASSWORD, SMTP_HOST"]),
    "shell_unbound": ("backend", "missing variable", ["UPSTREAM_HOST"]),
    "python_module_missing": ("backend", "module missing", ["flask_cors_nope"]),
    "node_module_missing": ("backend", "module missing", ["express-nope"]),
    "ruby_module_missing": ("backend", "module missing", ["sinatra_nope"]),
    "java_class_missing": ("backend", "module missing", ["com.example.Main"]),
    "php_crash": ("backend", "crash", ["exit code 255", "queue driver redis2 is not supported"]),
    "java_crash": ("backend", "crash", ["exit code 1", "feature flag file has version 3, expected 2"]),
    "go_panic": ("backend", "crash", ["exit code 2", "panic: runtime error: invalid memory address"]),
    "ruby_crash": ("backend", "crash", ["exit code 1", "unknown queue adapter sidekick (ArgumentError)"]),
    "node_unhandled_rejection": ("backend", "crash", ["exit code 1", "feature flags could not be parsed"]),
    "node_rejection_without_error": ("backend", "crash", ["exit code 1", "UnhandledPromiseRejection"]),
    "python_crash": ("backend", "crash", ["exit code 1", "ValueError: rate limit must be positive, not -3"]),
    "segfault": ("backend", "crash", ["139 (SIGSEGV)"]),
    "ends_with_0": ("backend", "exits at once", ["exit code 0", "nothing to do, bye"]),
    "silent_loop": ("backend", "restart loop", ["exit code 3", "it printed nothing"]),
    "killed_from_outside": ("backend", "killed", ["SIGKILL", "without an out-of-memory flag"]),
    "go_for_arm64": ("backend", "wrong architecture", ["exec format error", "image and host are both amd64"]),
    "image_for_arm64": ("backend", "wrong architecture", ["its image is for arm64, the host is amd64"]),
    "tmpfs_full": ("backend", "file system of the container full", ["No space left on device", "free"]),
    "read_only": ("backend", "read-only file system", ["/srv/state.json"]),
    "mount_not_writable": ("backend", "permission denied", ["/data/uploads.db", "owner 0:0", "user 10001"]),
    "node_mount_not_writable": ("backend", "permission denied", ["/data/uploads.db", "owner 0:0", "user 10001"]),
    "port_taken_inside": ("backend", "port taken", ["port 8000", "inside its own container"]),
    "node_port_taken_inside": ("backend", "port taken", ["port 8000", "inside its own container"]),
    "low_port": ("backend", "port not permitted", ["port 80", "user 10001"]),
    "host_port_taken": ("nginx", "port taken", ["port 80 is taken already by haproxy (process"]),
    "nginx_directive": ("nginx", "nginx configuration invalid", ["conf.d/site.conf:3", 'unknown directive "proxy_pas"']),
    "nginx_upstream": ("nginx", "nginx upstream unknown", ["the host backend", "conf.d/site.conf:3"]),
    "health_check_without_curl": ("backend", "health check broken", ["curl", "answers 200"]),
    "daemon_check_fails": ("bridge", "health fails", ["exit code 1", "last heartbeat is 91 s old"]),
    "sleeps_before_start": ("backend", "slow start", ["sleep 300", "the deadline is 120 s"]),
    "busy_start": ("backend", "slow start", ["building the search index"]),
    "starting_healthcheck": ("backend", "slow start", ["answers 200 by now"]),
    "nothing_listens": ("backend", "nothing listens", ["port 8000 or any other", "worker pool of 4"]),
    "database_password": ("backend", "database refuses the login", ["user app", "restarted"]),
    "database_missing": ("backend", "database missing", ["no database shop"]),
    "role_missing": ("backend", "role missing", ["no role shop"]),
    "database_refused": ("backend", "database unreachable", ["127.0.0.1:5432", "is its own container"]),
    "database_name_unknown": ("backend", "database unreachable", ["postgress", "postgres itself accepts connections"]),
    "node_database_unreachable": ("postgres", "database down", ["exited"]),
    "go_database_unreachable": ("backend", "database unreachable", ["172.17.0.250:5432"]),
    "redis_unreachable": ("backend", "dependency unreachable", ["127.0.0.1:6379", "is its own container"]),
    "table_missing": ("backend", "schema does not fit", ['relation "orders" does not exist']),
    "too_many_connections": ("backend", "too many connections", ["no connection left"]),
    "postgres_without_password": ("postgres", "missing variable", ["POSTGRES_PASSWORD"]),
}  # fmt: skip

# recording -> (stage, service, cause, words)
COMMANDS = {
    "build_step_failed": (Stage.BUILD, "backend", "build step failed", ["No module named 'wheel_that_is_not_there'", "exit code: 1"]),
    "build_command_missing": (Stage.BUILD, "backend", "build step failed", ["yarn: not found", "exit code: 127"]),
    "build_unknown_instruction": (Stage.BUILD, "backend", "Dockerfile error", ["line 4", "unknown instruction: RUNN"]),
    "build_no_dockerfile": (Stage.BUILD, "backend", "Dockerfile error", ["open Dockerfile: no such file"]),
    "build_file_missing": (Stage.BUILD, "backend", "build file missing", ["/package.json"]),
    "build_out_of_memory": (Stage.BUILD, "backend", "build out of memory", ["was killed", "137"]),
    "build_no_space": (Stage.BUILD, "", "disk full", ["No space left on device"]),
    "build_base_unreachable": (Stage.BUILD, "backend", "registry unreachable", ["registry.invalid", "no such host"]),
    "build_stage_missing": (Stage.BUILD, "backend", "registry unreachable", ["did you mean build?"]),
    "compose_variable_missing": (Stage.START, "", "missing variable", ["STRIPE_KEY"]),
    "compose_unknown_key": (Stage.START, "", "Compose file invalid", ["portz is not allowed"]),
    "compose_bad_yaml": (Stage.START, "", "Compose file invalid", ["line 3"]),
    "compose_undefined_volume": (Stage.START, "", "Compose file invalid", ["undefined volume uploads"]),
    "compose_mount_missing": (Stage.START, "", "mount missing", ["/srv/nowhere/config"]),
    "compose_image_unreachable": (Stage.START, "", "registry unreachable", ["registry.invalid", "no such host"]),
    "compose_platform": (Stage.START, "", "wrong architecture", ["wanted linux/arm64, actual: linux/amd64"]),
    "compose_port_taken": (Stage.START, "", "port taken", ["port 443"]),
    "compose_network_overlaps": (Stage.START, "", "network in use", ["Pool overlaps"]),
    "compose_dependency_unhealthy": (Stage.START, "", "unclear", ["container h3-diagnosis-db-1 is unhealthy"]),
    "docker_silent": (Stage.START, "", "Docker does not answer", ["Is the docker daemon running?"]),
    "git_host_unknown": (Stage.FETCH, "", "repository unreachable", ["Could not resolve host: git.invalid"]),
    "git_no_repository": (Stage.FETCH, "", "repository unreachable", ["does not exist"]),
    "git_ref_unknown": (Stage.FETCH, "", "ref unknown", ["release-2099"]),
    "alembic_failed": (Stage.MIGRATE, "", "migration failed", ["could not create unique index", "customers_email_key"]),
    "alembic_locked": (Stage.MIGRATE, "", "migration locked", ["canceling statement due to lock timeout"]),
    "alembic_password": (Stage.MIGRATE, "", "database refuses the login", ["user app"]),
    "alembic_unknown_revision": (Stage.MIGRATE, "", "migration failed", ["Can't locate revision identified by '9f00aa'"]),
    "django_environ_missing": (Stage.MIGRATE, "", "missing variable", ["DB_HOST"]),
    "django_failed": (Stage.MIGRATE, "", "migration failed", ['relation "invoices" does not exist']),
    "django_unreachable": (Stage.MIGRATE, "", "database unreachable", ["server closed the connection unexpectedly"]),
}  # fmt: skip

STDERR_LINES = 15  # what a RemoteCommandFailed keeps


def diagnose_recorded(name: str) -> Diagnosis:
    told = json.loads(recorded(f"evidence/{name}.json"))
    expected = told["expected"]
    web = tuple(ExpectedWeb(*entry) for entry in expected["web"])
    expectation = Expectation(web, expected["deadline_seconds"], tuple(expected["daemons"]))
    return diagnose(Stage(told["stage"]), told["said"], parse_evidence(json.dumps(told["evidence"])), expectation)


def diagnose_said(stage: Stage, said: str) -> Diagnosis:
    return diagnose(stage, said, None, Expectation())


@pytest.mark.parametrize(("name", "wanted"), CONTAINERS.items(), ids=CONTAINERS)
def test_a_container_that_did_not_come_up_is_explained(name: str, wanted: tuple[str, str, list[str]]):
    found = diagnose_recorded(name)
    assert (found.service, found.cause) == wanted[:2], render(found)
    assert [words for words in wanted[2] if words not in render(found)] == [], render(found)


@pytest.mark.parametrize(("name", "wanted"), COMMANDS.items(), ids=COMMANDS)
def test_a_command_that_failed_is_explained(name: str, wanted: tuple[Stage, str, str, list[str]]):
    tail = "\n".join(recorded(f"said/{name}.txt").strip().splitlines()[-STDERR_LINES:])
    found = diagnose_said(wanted[0], tail)
    assert (found.service, found.cause) == wanted[1:3], render(found)
    assert [words for words in wanted[3] if words not in render(found)] == [], render(found)


def test_every_recording_is_in_a_table():
    assert {file.stem for file in (RECORDINGS / "evidence").iterdir()} == set(CONTAINERS)
    assert {file.stem for file in (RECORDINGS / "said").iterdir()} == set(COMMANDS)


# Words of frameworks that are not at hand here, as their documentation or source prints them.
MIGRATIONS = {
    "rails": ("PG::UndefinedTable: ERROR:  relation \"orders\" does not exist\nrails aborted!\nTasks: TOP => db:migrate",
              "migration failed", 'relation "orders" does not exist'),
    "prisma": ("Error: P3018\n\nA migration failed to apply.\n\nMigration name: 20250101_add_orders\n\nDatabase error code: 23505\n\n"
               "Database error:\nERROR: could not create unique index \"orders_key\"", "migration failed", "20250101_add_orders"),
    "prisma lock": ("Error: P1002\n\nThe database server was reached but timed out.\nContext: Timed out trying to acquire a postgres "
                    "advisory lock", "migration locked", "advisory lock"),
    "prisma host": ("Error: P1001: Can't reach database server at `db`:`5432`", "database unreachable", "db"),
    "flyway": ("ERROR: Migration V2__orders.sql failed\n-----\nSQL State  : 42601\nMessage    : ERROR: syntax error at or near \"TABEL\"",
               "migration failed", "TABEL"),
    "liquibase": ("liquibase.exception.LockException: Could not acquire change log lock.  Currently locked by app (10.0.0.3)",
                  "migration locked", "change log lock"),
    "laravel": ("SQLSTATE[42S01]: Base table or view already exists: 1050 Table 'users' already exists", "migration failed",
                "already exists"),
    "mysql": ("ERROR 1045 (28000): Access denied for user 'shop'@'10.201.1.10' (using password: YES)",
              "database refuses the login", "shop"),
    "time limit": ("`docker compose run backend migrate` failed (ran out of time): it printed no error", "out of time", "ran out of time"),
    "silent": ("", "migration failed", "it printed no error"),
}  # fmt: skip


@pytest.mark.parametrize(("said", "cause", "words"), MIGRATIONS.values(), ids=MIGRATIONS)
def test_a_migration_tool_is_understood(said: str, cause: str, words: str):
    found = diagnose_said(Stage.MIGRATE, said)
    assert found.cause == cause
    assert words in found.summary


PULLS = {
    "Error response from daemon: manifest for registry.test/shop:9 not found: manifest unknown: manifest unknown": "image missing",
    "Error response from daemon: pull access denied for shop/backend, repository does not exist or may require login": "image refused",
    "toomanyrequests: You have reached your pull rate limit.": "registry rate limit",
    "no matching manifest for linux/arm64/v8 in the manifest list entries": "wrong architecture",
    'Get "https://registry.test/v2/": net/http: TLS handshake timeout': "registry unreachable",
    "failed to register layer: write /usr/lib/x.so: no space left on device": "disk full",
}


@pytest.mark.parametrize(("said", "cause"), PULLS.items(), ids=PULLS.values())
def test_a_registry_is_understood(said: str, cause: str):
    assert diagnose_said(Stage.PULL, said).cause == cause


LOGS = {
    "Spring": ("Could not resolve placeholder 'MAIL_HOST' in value \"${MAIL_HOST}\"", "missing variable", "MAIL_HOST"),
    "Laravel": ("No application encryption key has been specified.", "missing variable", "APP_KEY"),
    "Symfony": ('Environment variable not found: "MAILER_DSN".', "missing variable", "MAILER_DSN"),
    "Rails": ("Missing `secret_key_base` for 'production' environment, set this string with `bin/rails credentials:edit`",
              "missing variable", "secret_key_base"),
    "Django": ("django.core.exceptions.ImproperlyConfigured: The SECRET_KEY setting must not be empty.", "missing variable", "SECRET_KEY"),
    "decouple": ("decouple.UndefinedValueError: MAIL_FROM not found. Declare it as envvar or define a default value.",
                 "missing variable", "MAIL_FROM"),
    "zod": ("❌ Invalid environment variables: { API_BASE: [ 'Required' ] }", "missing variable", "API_BASE"),
    "own words": ("Error: Missing required environment variable: JWT_SECRET", "missing variable", "JWT_SECRET"),
    "own words after": ("FATAL: S3_BUCKET must be set", "missing variable", "S3_BUCKET"),
    "Go envconfig": ("required key SMTP_HOST missing value", "missing variable", "SMTP_HOST"),
    "JSON log": ('{"level":"fatal","ts":1,"msg":"config: QUEUE_URL is required"}', "missing variable", "QUEUE_URL"),
    "pgjdbc": ("org.postgresql.util.PSQLException: Connection to db:5432 refused. Check that the hostname and port are correct",
               "database unreachable", "db:5432"),
    "Go lookup": ("dial tcp: lookup postgres on 127.0.0.11:53: no such host", "database unreachable", "postgres"),
    "redis-py": ("redis.exceptions.ConnectionError: Error -2 connecting to cache:6379. Name or service not known.",
                 "dependency unreachable", "cache:6379"),
    "node pg": ("error: password authentication failed for user \"shop\"", "database refuses the login", "shop"),
    "MySQL": ("ERROR 1049 (42000): Unknown database 'shop'", "database missing", "shop"),
    "clients": ("FATAL:  sorry, too many clients already", "too many connections", "too many clients"),
    "shared library": ("/app/server: error while loading shared libraries: libssl.so.1.1: cannot open shared object file",
                       "module missing", "libssl.so.1.1"),
    "gunicorn": ("[2025-01-01] [ERROR] Worker (pid:7) was sent SIGKILL! Perhaps out of memory?", "out of memory", "Perhaps out of memory"),
    "PHP": ("PHP Fatal error:  Allowed memory size of 134217728 bytes exhausted (tried to allocate 20480 bytes)",
            "out of memory", "134217728"),
    "uvicorn": ("ERROR:    [Errno 98] error while attempting to bind on address ('0.0.0.0', 8000): address already in use",
                "port taken", "port 8000"),
    "Go low port": ("listen tcp :80: bind: permission denied", "port not permitted", "port 80"),
    "Apache": ("(13)Permission denied: AH00072: make_sock: could not bind to address 0.0.0.0:80", "port not permitted", "port 80"),
    "Ruby redis": ("Redis::CannotConnectError: Error connecting to Redis on redis:6379 (Errno::ECONNREFUSED)",
                   "dependency unreachable", "redis:6379"),
    "Go file": ("open /run/secrets/tls.pem: no such file or directory", "file missing", "/run/secrets/tls.pem"),
    "Node file": ("Error: ENOENT: no such file or directory, open '/app/config.json'", "file missing", "/app/config.json"),
    "Rust": ("DATABASE_URL must be set: NotPresent", "missing variable", "DATABASE_URL"),
    "files": ("accept: too many open files", "too many open files", "too many open files"),
}  # fmt: skip


def exited(log: list[str], **changes: object) -> str:
    entry = {"name": "resonant-a-backend-1", "exists": True, "state": "exited", "exit_code": 1, "log": log, **changes}
    return json.dumps({"containers": {"backend": entry}, "web": {}, "host": {"architecture": "x86_64"}})


WEB = Expectation((ExpectedWeb("backend", 8000, "/health"),), 60)


@pytest.mark.parametrize(("line", "cause", "words"), LOGS.values(), ids=LOGS)
def test_a_program_s_last_line_is_understood(line: str, cause: str, words: str):
    found = diagnose(Stage.START, "", parse_evidence(exited(["starting", line])), WEB)
    assert (found.service, found.cause) == ("backend", cause)
    assert words in found.summary


def test_a_variable_that_is_there_is_not_called_missing():
    line = "KeyError: 'SESSION_SECRET'"
    assert diagnose(Stage.START, "", parse_evidence(exited([line])), WEB).cause == "missing variable"
    given = parse_evidence(exited([line], environment=["SESSION_SECRET"]))
    assert diagnose(Stage.START, "", given, WEB).cause == "crash"


def test_a_variable_without_a_value_is_told_as_such():
    evidence = exited(
        ["SESSION_SECRET is required"], environment=["SESSION_SECRET"], empty_environment=["SESSION_SECRET"]
    )
    assert "(SESSION_SECRET is there, but empty)" in diagnose(Stage.START, "", parse_evidence(evidence), WEB).summary


def test_an_error_that_was_over_before_the_program_was_ready_is_not_blamed():
    log = ["connect ECONNREFUSED 10.0.0.9:5432, trying again", "listening on 3000"]
    evidence = exited(log, state="running", exit_code=0, listening=["0.0.0.0:3000"])
    assert diagnose(Stage.START, "", parse_evidence(evidence), WEB).cause == "wrong port"


def test_an_exit_code_without_words_is_told_as_it_is():
    found = diagnose(Stage.START, "", parse_evidence(exited([], exit_code=42)), WEB)
    assert (found.cause, "exit code 42; it printed nothing" in found.summary) == ("crash", True)


@pytest.mark.parametrize(
    ("disk", "cause"),
    [({"free_bytes": 9_000_000, "free_inodes": 10**6}, "disk full"), ({"free_bytes": 10**10, "free_inodes": 0}, "inodes exhausted")],
)  # fmt: skip
def test_a_measured_want_of_room_comes_before_its_consequences(disk: dict[str, int], cause: str):
    told = json.loads(exited(["PANIC: could not write to file"]))
    told["host"]["disks"] = [{"path": "/", "total_bytes": 10**11, "total_inodes": 10**7, **disk}]
    assert diagnose(Stage.START, "", parse_evidence(json.dumps(told)), WEB).cause == cause


def soak(error_rate: float, p95_seconds: float) -> Expectation:
    return Expectation(WEB.web, 60, (), Soak(2000, error_rate, 0.01, p95_seconds, 2.0))


@pytest.mark.parametrize(
    ("expected", "cause", "words"),
    [(soak(0.034, 0.1), "error rate", "3.4% of 2000 requests"), (soak(0.0, 4.21), "latency", "4.21 s; the limit is 2 s")],
)  # fmt: skip
def test_a_soak_tells_what_was_measured(expected: Expectation, cause: str, words: str):
    evidence = parse_evidence(exited([], state="running", exit_code=0, health="healthy"))
    found = diagnose(Stage.SOAK, "", evidence, expected)
    assert (found.cause, words in found.summary) == (cause, True), found


def test_a_crash_in_the_soak_explains_its_error_rate():
    evidence = parse_evidence(exited(["ValueError: no such tariff"]))
    assert diagnose(Stage.SOAK, "", evidence, soak(0.5, 0.1)).cause == "crash"


def test_one_that_fell_in_the_soak_and_came_back_is_told():
    log = ["Error: the binding came loose", "listening on 8000"]
    told = json.loads(exited(log, state="running", exit_code=0, restart_count=2, exits=[1, 1]))
    told["web"] = {"backend": {"url": "http://10.201.1.10:8000/health", "status": 200, "ended": True}}
    found = diagnose(Stage.SOAK, "ended and was started again 2 times", parse_evidence(json.dumps(told)), WEB)
    assert (found.service, found.cause) == ("backend", "crash")
    assert "exit code 1" in found.summary and "the binding came loose" in found.summary


def test_an_exit_code_that_is_not_known_is_not_called_zero():
    evidence = parse_evidence(exited(["no paper left"], state="running", exit_code=0, restart_count=1))
    found = diagnose(Stage.START, "", evidence, WEB)
    assert (found.cause, "not known" in found.summary, "no paper left" in found.summary) == ("crash", True, True)


def test_a_hook_is_told_by_its_last_words():
    found = diagnose_said(Stage.HOOK, "checking the queue\nERROR: 12 jobs are still waiting")
    assert (found.cause, "ERROR: 12 jobs are still waiting" in found.summary) == ("hook failed", True)


def test_nginx_that_refuses_the_switch_is_told_with_its_line():
    said = 'nginx: [emerg] invalid number of arguments in "proxy_pass" directive in /etc/nginx/site/upstreams.conf:14\n'
    said += "nginx: configuration file /etc/nginx/resonant/nginx.conf test failed"
    found = diagnose_said(Stage.SWITCH, said)
    assert (found.service, found.cause) == ("nginx", "nginx configuration invalid")
    assert "/etc/nginx/site/upstreams.conf:14" in found.summary


def test_an_engine_that_answered_no_question_is_named():
    told = '{"containers": {"backend": null}, "reasons": {"containers": "Cannot connect to the Docker daemon at unix:///run/docker.sock"}}'
    assert diagnose(Stage.START, "", parse_evidence(told), WEB).cause == "Docker does not answer"


def test_a_container_that_was_never_made_is_named():
    told = '{"containers": {"backend": {"name": "resonant-a-backend-1", "exists": false}}}'
    found = diagnose(Stage.START, "", parse_evidence(told), WEB)
    assert (found.service, found.cause) == ("backend", "container missing")


def test_nothing_is_made_up_where_nothing_is_known():
    found = diagnose(Stage.START, "", None, WEB)
    assert (found.cause, found.service) == ("unclear", "")
    assert "the last that was said: nothing" in found.summary


@pytest.mark.parametrize("text", ["", "[]", "null", "no json"])
def test_evidence_that_is_none_is_refused(text: str):
    with pytest.raises(ValueError):
        parse_evidence(text)


def test_evidence_with_holes_is_read():
    evidence = parse_evidence(
        '{"containers": {"backend": null}, "web": {"backend": null}, "host": null, "reasons": {"log": "late"}}'
    )
    assert evidence.containers == ()
    assert "late" in render(diagnose(Stage.START, "", evidence, WEB))


def test_the_message_says_what_was_seen_and_what_to_do():
    message = render(diagnose_recorded("node_on_loopback_3000"))
    first, *seen, last = message.splitlines()
    assert first.startswith("The release failed while it started. backend: wrong port: ")
    assert "  seen: listens on 127.0.0.1:3000" in seen
    assert last.startswith("Next: ")
    assert len(message) < 3000


def test_no_password_of_a_url_is_repeated():
    found = diagnose_said(Stage.MIGRATE, "ERROR: cannot use postgresql://shop:tiger@db/shop")
    assert "tiger" not in render(found)
    assert "shop:***@db" in render(found)


@pytest.mark.parametrize("module", [resonant.diagnosis.evidence, resonant.on_vm.evidence], ids=["diagnosis", "on_vm"])
def test_examples(module: ModuleType):
    results = doctest.testmod(module)
    assert (results.failed, results.attempted > 0) == (0, True)


def test_every_cause_is_in_the_runbook():
    page = (CHECKOUT / "docs/runbook.md").read_text().partition("## A release failed")[2].partition("\n## ")[0]
    rows = [line.split("|")[1].strip() for line in page.splitlines() if line.startswith("|")][2:]
    assert sorted(cause for row in rows for cause in row.split(", ")) == sorted(NEXT_STEPS)
