"""compose.kafka.yml, the images and .env.example name what the service takes."""

import re
from itertools import pairwise
from typing import Any

import pytest
import yaml

from sandbox.stack.docker import KAFKA_IMAGE, POSTGRES_IMAGE
from service.settings import PREFIX, Settings
from tests.house.tree import ROOT, rooms

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.kafka.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ONE_SHOT = {"migrate", "topics"}
OURS = ["migrate", "service", "topics"]
TAKEN = {PREFIX + name.upper() for name in Settings.model_fields}
# What the sandbox reads besides, for a laptop's own stack.
SANDBOX = {f"{PREFIX}STACK", f"{PREFIX}CACHE"}
EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::-(?P<default>[^}]*))?}")


def stages() -> dict[str, str]:
    """Each stage of the Dockerfile by its name."""
    found = re.split(r"^FROM \S+ AS (\w[\w-]*)$", DOCKERFILE, flags=re.MULTILINE)
    return dict(zip(found[1::2], found[2::2], strict=True))


def examples() -> dict[str, str]:
    """Name and value of each setting that .env.example shows, set or commented out."""
    return dict(re.findall(r"^#?([A-Z][A-Z0-9_]+)=(.*)$", EXAMPLE, re.MULTILINE))


def test_the_example_documents_every_setting() -> None:
    assert {name for name in examples() if name.startswith(PREFIX)} == TAKEN | SANDBOX


def test_each_setting_of_the_example_has_its_comment() -> None:
    lines = EXAMPLE.splitlines()
    for before, line in pairwise(lines):
        if re.match(rf"#?{PREFIX}\w+=", line):
            assert re.match(r"# .*[.;]$", before), f"{line} has no comment of its own"


def test_the_example_shows_the_defaults() -> None:
    shown = examples()
    for name, setting in Settings.model_fields.items():
        if not setting.is_required() and setting.default_factory is None and setting.default is not None:
            value: str | float | bool = shown[PREFIX + name.upper()]
            if isinstance(setting.default, bool):
                value = value == "true"
            elif isinstance(setting.default, int | float):
                value = float(value)
            assert value == setting.default, name


def test_the_example_sets_what_has_no_default() -> None:
    required = {PREFIX + name.upper() for name, setting in Settings.model_fields.items() if setting.is_required()}
    assert set(re.findall(r"^([A-Z][A-Z0-9_]+)=", EXAMPLE, re.MULTILINE)) == required


def test_every_variable_of_compose_has_a_default_and_is_documented() -> None:
    found = list(VARIABLE.finditer((ROOT / "compose.kafka.yml").read_text(encoding="utf-8")))
    assert found
    assert [one["name"] for one in found if not one["default"]] == []
    assert {one["name"] for one in found} <= examples().keys()


@pytest.mark.parametrize("name", OURS)
def test_compose_gives_our_containers_valid_settings(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {key: VARIABLE.sub(r"\g<default>", str(value)) for key, value in SERVICES[name]["environment"].items()}
    assert given.keys() <= TAKEN
    for taken in TAKEN:
        monkeypatch.delenv(taken, raising=False)
    for key, value in given.items():
        monkeypatch.setenv(key, value)
    assert Settings().kafka_bootstrap_servers == "kafka:19092"


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned(name: str) -> None:
    image: str = SERVICES[name]["image"]
    version = image.partition(":")[2]
    assert version == "local" if "build" in SERVICES[name] else re.match(r"\d", version)


def test_the_base_image_is_pinned() -> None:
    default = re.search(r"^ARG PYTHON=(\S+)$", DOCKERFILE, re.MULTILINE)
    assert default is not None
    assert re.match(r"3\.1[1-9]-slim-\w+$", default[1])
    assert set(re.findall(r"^FROM (\S+) AS", DOCKERFILE, re.MULTILINE)) <= {"python:${PYTHON}", *stages()}


@pytest.mark.parametrize("name", sorted(SERVICES.keys() - ONE_SHOT))
def test_what_keeps_running_tells_its_health_and_starts_again(name: str) -> None:
    service = SERVICES[name]
    assert service["restart"] == "unless-stopped"
    if "build" in service:
        assert "HEALTHCHECK" in stages()[service["build"]["target"]]
    else:
        assert service["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_waited_for_can_come(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        expected = "service_completed_successfully" if other in ONE_SHOT else "service_healthy"
        assert how == {"condition": expected}


def test_the_service_waits_for_everything_else() -> None:
    assert SERVICES["service"]["depends_on"].keys() == SERVICES.keys() - {"service"}


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_open_on_this_machine_alone(name: str) -> None:
    assert [port for port in SERVICES[name].get("ports", []) if not port.startswith("127.0.0.1:")] == []


def test_data_is_in_named_volumes() -> None:
    mounted = {name: service["volumes"][0].split(":") for name, service in SERVICES.items() if "volumes" in service}
    assert mounted == {
        "kafka": ["kafka-data", "/var/lib/kafka/data"],
        "postgres": ["postgres-data", "/var/lib/postgresql"],
    }
    assert COMPOSE["volumes"].keys() == {"kafka-data", "postgres-data"}
    assert SERVICES["kafka"]["environment"]["KAFKA_LOG_DIRS"] == "/var/lib/kafka/data"


def test_the_service_has_the_time_to_stop_in_order() -> None:
    grace = float(SERVICES["service"]["stop_grace_period"].removesuffix("s"))
    assert grace > Settings.model_fields["stop_seconds"].default


def test_kafka_is_the_version_that_the_tests_run_against() -> None:
    assert (SERVICES["kafka"]["image"], SERVICES["postgres"]["image"]) == (KAFKA_IMAGE, POSTGRES_IMAGE)


def test_a_topic_that_nobody_declared_is_an_error() -> None:
    assert SERVICES["kafka"]["environment"]["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"


def test_images_run_as_nobody_in_particular() -> None:
    found = stages()
    assert re.search(r"^USER 10001:10001$", found["runtime"], re.MULTILINE)
    for target in ("service", "sandbox"):
        assert f"FROM runtime AS {target}" in DOCKERFILE
        assert "USER" not in found[target]


def test_what_browsers_load_of_others_is_packed_with_our_own() -> None:
    found = stages()
    assert "python -m sandbox.assets" in found["assets"]
    into_source, packed = found["builder"].index("COPY --from=assets"), found["builder"].index("pip wheel")
    assert into_source < packed


def test_the_service_is_what_is_built_where_no_target_is_named() -> None:
    assert list(stages())[-1] == "service"


def test_the_builder_gets_every_room_and_nothing_of_this_machine() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_in = {line.removeprefix("!") for line in lines if line.startswith("!")}
    assert "*" in lines
    assert let_in == {*rooms(), "requirements", "pyproject.toml", "README.md", "LICENSE"}
