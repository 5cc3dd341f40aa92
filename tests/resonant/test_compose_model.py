"""What a Compose file says, and by what a change of it is known: nothing is built or replaced that did not change."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from resonant.application import Description, parse_description
from resonant.compose_model import Model, fingerprint, parse_model
from resonant.errors import ApplicationInvalid
from resonant.paths import RELEASES
from resonant.source import CHECKOUT
from tests.vocabulary import recorded

REFERENCE = parse_description((CHECKOUT / "apps/resonant.yaml").read_text())
EVERYTHING = parse_description("web: {web: {port: 8080, paths: [/]}}\nstateful: [cache]")
SECRETS = {"POSTGRES_USER": "u", "POSTGRES_PASSWORD": "p", "POSTGRES_DB": "d", "ANTHROPIC_API_KEY": "k"}
VALUES = {
    "SESSION_KEY": "s",
    "REGION": "eu",
    "API_TOKEN": "t",
    "CITY": "Oslo",
    "VERSION": "1",
    "PORT": "8080",
    "ONLY_HERE": "o",
}
EVERY_SERVICE = {"web", "worker", "migrated", "cache"}
Edit = Callable[[Any], object]


def everything(edit: Edit = lambda _: None, values: dict[str, str] = VALUES, **changed: str) -> Model:
    """The recorded answer after an edit of it, with some of the variables changed."""
    answer = json.loads(recorded("compose_model/everything.json"))
    edit(answer)
    return parse_model(answer, EVERYTHING, {**values, **changed})


def services(edit: Callable[[dict[str, Any]], object]) -> Edit:
    return lambda answer: edit(answer["model"]["services"])


def tree(path: str) -> Edit:
    return lambda answer: answer["trees"].update({path: "another"})


def keys(model: Model) -> dict[str, str]:
    return {service.name: service.build_key for service in model.services if service.is_built}


def differ(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in before if before[name] != after.get(name)}


def prints(model: Model, values: dict[str, str] = VALUES, images: dict[str, str] | None = None) -> dict[str, str]:
    ids = {name: f"sha256:{name}" for name in model.names} | (images or {})
    return {service.name: fingerprint(service, ids[service.name], values) for service in model.services}


def refused(edit: Edit, description: Description = EVERYTHING, values: dict[str, str] = VALUES) -> str:
    answer = json.loads(recorded("compose_model/everything.json"))
    edit(answer)
    with pytest.raises(ApplicationInvalid) as caught:
        parse_model(answer, description, values)
    return str(caught.value)


def test_the_reference_application():
    model = parse_model(json.loads(recorded("compose_model/reference.json")), REFERENCE, SECRETS)
    assert model.names == ("backend", "frontend", "intent_bridge", "postgres")
    assert [service.name for service in model.services if service.is_built] == ["backend", "frontend", "intent_bridge"]
    assert model["backend"].image == f"resonant/backend:{model['backend'].build_key}"
    assert model["postgres"].image == "postgres:15.18-bookworm"
    assert model["frontend"].variables == ()
    assert model["intent_bridge"].variables == (
        "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "ANTHROPIC_MODEL", "POSTGRES_DB", "POSTGRES_PASSWORD", "POSTGRES_USER",
    )  # fmt: skip
    assert [name for name, _ in model.volumes] == ["postgres_data"]


def test_a_changed_secret_changes_only_the_services_that_use_it():
    model = parse_model(json.loads(recorded("compose_model/reference.json")), REFERENCE, SECRETS)
    before = prints(model, SECRETS)
    for name, users in {
        "ANTHROPIC_API_KEY": {"intent_bridge"},
        "POSTGRES_PASSWORD": {"backend", "intent_bridge", "postgres"},
        "UNHEARD_OF": set(),
    }.items():
        assert differ(before, prints(model, {**SECRETS, name: "changed"})) == users, name


def test_services_of_a_profile_are_run_on_demand_and_left_out():
    assert set(everything().names) == EVERY_SERVICE


def test_the_same_content_has_the_same_key_and_the_same_fingerprint():
    assert keys(everything()) == keys(everything())
    assert prints(everything()) == prints(everything())
    assert set(keys(everything())) == {"web", "worker"}
    assert all(len(key) == 12 for key in keys(everything()).values())


@pytest.mark.parametrize(
    ("edit", "built"),
    [
        (tree("./web"), {"web"}),
        (tree("./web/../docker/web.Dockerfile"), {"web"}),
        (tree("./shared"), {"web"}),
        (tree("./Dockerfile"), {"worker"}),
        (tree("."), {"worker"}),
        (services(lambda all_: all_["web"]["build"]["args"].update(VERSION="2")), {"web"}),
        (services(lambda all_: all_["web"]["build"].update(target="other")), {"web"}),
        (services(lambda all_: all_["web"]["build"]["additional_contexts"].update(base="docker-image://x")), {"web"}),
        (services(lambda all_: all_["web"]["environment"].update(PRICE="6")), set()),
        (tree("./web.ini"), set()),
        (tree("./limits.toml"), set()),
    ],
)
def test_a_build_key_changes_with_what_goes_into_the_image(edit: Edit, built: set[str]):
    assert differ(keys(everything()), keys(everything(edit))) == built


def test_the_value_of_a_build_argument_is_part_of_the_key():
    assert differ(keys(everything()), keys(everything(VERSION="2"))) == {"web"}
    assert differ(keys(everything()), keys(everything(SESSION_KEY="2", REGION="us", PORT="1"))) == set()


@pytest.mark.parametrize(
    ("variable", "users"),
    [
        ("SESSION_KEY", {"web"}),
        ("REGION", {"web"}),
        ("API_TOKEN", {"web"}),
        ("CITY", {"web"}),
        ("VERSION", set()),
        ("ONLY_HERE", set()),
    ],
)
def test_a_variable_reaches_a_container_in_many_ways(variable: str, users: set[str]):
    """Named in the file, passed on by its bare name, made a secret or written into a config; `worker` has an env_file: all of them."""
    model = everything()
    assert differ(prints(model), prints(model, {**VALUES, variable: "changed"})) == users | {"worker"}


def test_a_bare_name_in_a_list_is_passed_on_too():
    model = everything(services(lambda all_: all_["migrated"].update(environment=["MODE=fast", "REGION"])))
    assert model["migrated"].variables == ("REGION",)


def test_a_variable_that_goes_away_is_a_change():
    model = everything()
    without = {name: value for name, value in VALUES.items() if name != "REGION"}
    assert differ(prints(model), prints(model, without)) == {"web", "worker"}


@pytest.mark.parametrize(
    ("edit", "changed"),
    [
        (tree("./web.ini"), {"web"}),
        (tree("./pepper.txt"), {"web"}),
        (tree("./limits.toml"), {"web"}),
        (tree("./settings/worker.env"), {"worker"}),
        (lambda answer: answer["model"]["configs"]["banner"].update(content="Bye"), {"web"}),
        (lambda answer: answer["model"]["secrets"]["token"].update(environment="CITY"), {"web"}),
        (services(lambda all_: all_["cache"].update(command=["redis-server", "--save", ""])), {"cache"}),
        (services(lambda all_: all_["cache"]["healthcheck"].update(interval="6s")), {"cache"}),
        # The image says whether what was built is another one: its context alone does not.
        (tree("./web"), set()),
        (services(lambda all_: all_["web"]["build"].update(target="other")), set()),
        (services(lambda all_: all_["shell"].update(command="another")), set()),
    ],
)
def test_a_fingerprint_changes_exactly_when_the_container_has_to_be_another_one(edit: Edit, changed: set[str]):
    assert differ(prints(everything()), prints(everything(edit))) == changed


def test_another_image_is_another_container():
    model = everything()
    assert differ(prints(model), prints(model, images={"cache": "sha256:new"})) == {"cache"}


def test_what_compose_could_not_read_is_told():
    answer = {"model": None, "error": "services.web additional property imge is not allowed", "trees": {}}
    with pytest.raises(ApplicationInvalid, match=r"cannot read compose\.yaml: services\.web additional property imge"):
        parse_model(answer, EVERYTHING, {})


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (services(lambda all_: all_["web"]["build"].update(ssh=["default"], secrets=[])), "`build` has secrets, ssh"),
        (
            services(lambda all_: all_["web"]["build"].update(dockerfile_inline="FROM x")),
            "`build` has dockerfile_inline",
        ),
        (services(lambda all_: all_["web"]["build"].update(context="/elsewhere")), "build context /elsewhere is not a"),
        (
            services(lambda all_: all_["web"]["build"].update(context="https://host/a.git")),
            "https://host/a.git is not a",
        ),
        (services(lambda all_: all_["web"]["build"].update(dockerfile="Nope")), "./web/Nope is not in this commit"),
        (lambda answer: answer["trees"].pop("./shared"), "build context ./shared is not in this commit"),
        (services(lambda all_: all_["cache"].pop("image")), "cache has neither `image` nor `build`"),
        (services(lambda all_: all_["cache"].update(network_mode="host")), "network_mode host is not supported"),
        (services(lambda all_: all_.pop("cache")), "has no service cache; it has migrated, web, worker"),
        (services(lambda all_: all_["cache"].update(profiles=["x"])), "has no service cache"),
        (lambda answer: answer["trees"].pop("./web.ini"), "./web.ini is mounted but not in this commit"),
        (
            services(lambda all_: all_["web"]["volumes"].append({"type": "bind", "source": f"{RELEASES}/1-2/data"})),
            "/1-2/data is mounted but not in this commit",
        ),
        (services(lambda all_: all_["cache"].update(command="${NEW:?} ${OTHER}")), "uses NEW, OTHER, which"),
        (lambda answer: answer["model"]["configs"]["banner"].update(content="${TOWN}"), "uses TOWN, which"),
        (lambda answer: answer["model"]["secrets"]["token"].update(environment="NO_TOKEN"), "uses NO_TOKEN, which"),
        (services(lambda all_: all_["web"]["build"]["args"].update(A="${ARG}")), "uses ARG, which"),
        # Compose refuses the whole file for it, though nobody starts that service.
        (services(lambda all_: all_["shell"]["environment"].update(A="${TOOL:?}")), "uses TOOL, which"),
    ],
)
def test_what_could_not_be_run_as_it_is_written_is_refused(edit: Edit, message: str):
    assert message in refused(edit)


def test_every_unknown_service_of_the_description_is_named():
    description = parse_description(
        "web: {web: {port: 1, paths: [/]}, site: {port: 1}}\ndaemons: [jobs]\nindependent: [lonely]\n"
        "database: {service: db, migrate: {service: alembic, command: [up]}}"
    )
    assert "has no service alembic, db, jobs, lonely, site; it has cache, migrated" in refused(
        lambda _: None, description
    )


def test_variables_with_a_default_need_no_description():
    needed = {name: VALUES[name] for name in ("SESSION_KEY", "API_TOKEN", "CITY", "ONLY_HERE")}
    assert set(everything(values=needed).names) == EVERY_SERVICE


def test_a_model_is_not_changed_by_looking_at_it():
    answer = json.loads(recorded("compose_model/everything.json"))
    before = copy.deepcopy(answer)
    prints(parse_model(answer, EVERYTHING, VALUES))
    assert answer == before
