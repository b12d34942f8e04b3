"""What was published stays: a model's change is a new version if readers and writers can live with it, else refused."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import orjson
import pytest
from pydantic import BaseModel, ConfigDict, Field, create_model

import schemas
from schemas.directory import CustomerSnapshot, DirectoryCustomer
from schemas.engagement import Engagement
from schemas.json_schema import published_schema
from schemas.publish import PUBLISHED, Plan, carry_out, plan
from schemas.registry import DIRECTORY_CUSTOMER, ENGAGEMENT, ENROLLMENT_APPROVED, EVENT_TYPES, EventType

EVERY_TYPE = pytest.mark.parametrize("known", EVENT_TYPES.values(), ids=EVENT_TYPES.keys())
CUSTOMER = f"{DIRECTORY_CUSTOMER.name}/2.json"
STATE = f"{ENGAGEMENT.name}/2.json"


class Publisher:
    """A published folder of three types, one for each direction."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.published = folder / "published"
        carry_out(self.plan())

    def plan(self, **models: type[BaseModel]) -> Plan:
        types = [self._with(known, models) for known in (DIRECTORY_CUSTOMER, ENGAGEMENT, ENROLLMENT_APPROVED)]
        return plan(self.published, self.folder / "versions.py", types)

    def _with(self, known: EventType[Any], models: dict[str, type[BaseModel]]) -> EventType[Any]:
        model = models.get(known.model.__name__)
        return known if model is None else replace(known, model=model)

    def new_versions(self, planned: Plan) -> list[str]:
        return [
            str(path.relative_to(self.published)) for path in planned.writes if path.parent.parent == self.published
        ]


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    return Publisher(tmp_path)


def changed(model: type[BaseModel], **fields: Any) -> type[BaseModel]:
    """The model with fields added or replaced; its own base keeps its settings."""
    made: type[BaseModel] = create_model(model.__name__, __base__=model, **fields)
    return made


def without(model: type[BaseModel], field: str) -> type[BaseModel]:
    kept: dict[str, Any] = {name: (info.annotation, info) for name, info in model.model_fields.items() if name != field}
    made: type[BaseModel] = create_model(model.__name__, __config__=ConfigDict(**model.model_config), **kept)
    return made


def test_what_is_checked_in_is_up_to_date() -> None:
    found = plan()
    assert found.problems == []
    assert list(found.writes) == []


@EVERY_TYPE
def test_every_example_fits_its_published_schema(known: EventType[Any]) -> None:
    [*_, newest] = sorted((PUBLISHED / known.name).glob("*.json"), key=lambda path: int(path.stem))
    schema = orjson.loads(newest.read_bytes())
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$id"] == known.dataschema
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    for example in known.examples:
        validator.validate(example)
        validator.validate(orjson.loads(known.serialize(known.parse(orjson.dumps(example)))))
        validator.validate(example | {"added_later": 1})
        assert not validator.is_valid(example | {"organization_id": "a:b"})
        assert not validator.is_valid({name: item for name, item in example.items() if name != "organization_id"})


def test_nothing_is_written_twice(publisher: Publisher) -> None:
    assert publisher.plan() == Plan()


def test_an_optional_field_is_a_new_version(publisher: Publisher) -> None:
    first = (publisher.published / DIRECTORY_CUSTOMER.name / "1.json").read_bytes()
    model = changed(DirectoryCustomer, region=(str | None, None))
    planned = publisher.plan(DirectoryCustomer=model)
    assert planned.problems == []
    assert publisher.new_versions(planned) == [CUSTOMER]
    carry_out(planned)
    assert publisher.plan(DirectoryCustomer=model) == Plan()
    assert (publisher.published / DIRECTORY_CUSTOMER.name / "1.json").read_bytes() == first
    assert orjson.loads((publisher.published / CUSTOMER).read_bytes())["$id"].endswith("customer.v1:2")
    assert f'"{DIRECTORY_CUSTOMER.name}": 2,' in (publisher.folder / "versions.py").read_text()
    document = orjson.loads((publisher.published / "asyncapi.json").read_bytes())
    assert document["components"]["messages"][DIRECTORY_CUSTOMER.name]["x-dataschema"].endswith(":2")


def test_a_new_field_of_ours_is_a_new_version(publisher: Publisher) -> None:
    planned = publisher.plan(Engagement=changed(Engagement, trend=(int, ...)))
    assert planned.problems == []
    assert publisher.new_versions(planned) == [STATE]


def test_a_better_description_is_no_new_version(publisher: Publisher) -> None:
    model = changed(DirectoryCustomer, tier=(str | None, Field(default=None, max_length=2000, description="Other.")))
    assert publisher.new_versions(publisher.plan(DirectoryCustomer=model)) == []


@pytest.mark.parametrize(
    ("models", "problem"),
    [
        ({"DirectoryCustomer": without(DirectoryCustomer, "arr")}, "arr: removed"),
        ({"DirectoryCustomer": changed(DirectoryCustomer, name=(str | None, ...))}, "name: newly required"),
        ({"DirectoryCustomer": changed(DirectoryCustomer, name=(str, "x"))}, "name: version 1 allows null"),
        ({"DirectoryCustomer": changed(DirectoryCustomer, region=(str, ...))}, "region: newly required"),
        ({"DirectoryCustomer": changed(DirectoryCustomer, name=(int | None, None))}, "name: version 1 allows string"),
        ({"Engagement": without(Engagement, "score")}, "score: removed"),
        ({"Engagement": changed(Engagement, score=(int | None, ...))}, "score: the model allows null"),
        ({"Engagement": changed(Engagement, score=(float, ...))}, "score: the model allows number"),
        ({"Engagement": changed(Engagement, score=(int, Field(json_schema_extra={"minimum": 0})))}, None),
    ],
)
def test_what_breaks_is_refused_with_its_field(
    publisher: Publisher, models: dict[str, type[BaseModel]], problem: str | None
) -> None:
    planned = publisher.plan(**models)
    if problem is None:
        assert planned.problems == []
        return
    [found] = planned.problems
    assert problem in found
    assert found.startswith((DIRECTORY_CUSTOMER.name, ENGAGEMENT.name))
    assert publisher.new_versions(planned) == []
    with pytest.raises(ValueError, match=r"version 1|removed|newly"):
        carry_out(planned)


def test_every_frozen_version_counts_and_not_only_the_newest(publisher: Publisher) -> None:
    """Version 1 never said `region`; version 2 takes any text there; a third may not take less than the second did."""
    carry_out(publisher.plan(DirectoryCustomer=changed(DirectoryCustomer, region=(str | None, None))))
    narrower = changed(DirectoryCustomer, region=(int | None, None))
    [problem] = publisher.plan(DirectoryCustomer=narrower).problems
    assert "region: version 2 allows string" in problem
    [gone] = publisher.plan().problems
    assert "region: removed" in gone

    wider = changed(Engagement, grade=(str, ...))
    carry_out(publisher.plan(DirectoryCustomer=changed(DirectoryCustomer, region=(str | None, None)), Engagement=wider))
    looser = changed(Engagement, grade=(str, ...), score=(int | None, ...))
    problems = publisher.plan(
        DirectoryCustomer=changed(DirectoryCustomer, region=(str | None, None)), Engagement=looser
    ).problems
    assert [problem.split(": ", 1)[1] for problem in problems] == [
        "score: the model allows null, version 1 does not",
        "score: the model allows null, version 2 does not",
    ]


def test_a_frozen_file_may_not_change_or_vanish_or_appear(publisher: Publisher) -> None:
    path = publisher.published / DIRECTORY_CUSTOMER.name / "1.json"
    original = path.read_bytes()
    path.write_bytes(original.replace(b"2000", b"2001"))
    assert "its file was changed" in publisher.plan().problems[0]
    path.unlink()
    assert "its file is missing" in publisher.plan().problems[0]
    path.write_bytes(original)
    path.with_name("2.json").write_bytes(original)
    assert "2.json was not written by this program" in publisher.plan().problems[0]


def test_a_published_type_stays(publisher: Publisher) -> None:
    planned = plan(publisher.published, publisher.folder / "versions.py", [DIRECTORY_CUSTOMER, ENROLLMENT_APPROVED])
    assert planned.problems == [
        f"{ENGAGEMENT.name}: published, but no event type any more; a type that was published stays"
    ]


@pytest.mark.parametrize("name", ["published/asyncapi.json", "published/frozen.json", "versions.py"])
def test_what_is_generated_is_written_again(publisher: Publisher, name: str) -> None:
    path = publisher.folder / name
    original = path.read_bytes()
    path.write_bytes(original + b"\n")
    assert list(publisher.plan().writes) == [path]
    carry_out(publisher.plan())
    assert path.read_bytes() == original


def test_the_output_is_the_same_every_time(tmp_path: Path) -> None:
    assert {path.name: path.read_bytes() for path in Publisher(tmp_path / "a").published.rglob("*.json")} == {
        path.name: path.read_bytes() for path in Publisher(tmp_path / "b").published.rglob("*.json")
    }


def test_a_consumed_schema_says_what_is_accepted_and_a_produced_one_what_is_written() -> None:
    consumed = published_schema(DIRECTORY_CUSTOMER, version=1)
    assert consumed["required"] == ["id", "organization_id"]
    produced = published_schema(ENGAGEMENT, version=1)
    assert set(produced["required"]) == set(Engagement.model_fields)
    assert "additionalProperties" not in orjson.dumps(produced).decode()


class Checkout:
    """A copy of the room in which the command runs."""

    def __init__(self, folder: Path) -> None:
        self.room = folder / "schemas"
        self._folder = folder
        shutil.copytree(Path(schemas.__file__).parent, self.room, ignore=shutil.ignore_patterns("__pycache__"))

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.room / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    def publish(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "schemas.publish", *arguments]
        return subprocess.run(command, cwd=self._folder, capture_output=True, text=True, check=False, timeout=60)


def test_the_command(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path)
    assert checkout.publish("--check").returncode == 0

    checkout.edit("directory.py", "    renewal_date:", "    region: Text | None = None\n    renewal_date:")
    stale = checkout.publish("--check")
    assert stale.returncode == 1
    assert "ai.cscx.directory.customer.v1/2.json: out of date; run python -m schemas.publish" in stale.stderr
    assert "ai.cscx.lifecycle.at-risk.v1/2.json" in stale.stderr
    assert "engagement" not in stale.stderr
    written = checkout.publish()
    assert (written.returncode, written.stderr) == (0, "")
    assert "wrote schemas/published/ai.cscx.directory.customer.v1/2.json" in written.stdout
    assert checkout.publish("--check").returncode == 0

    checkout.edit("engagement.py", "    score: int\n", "    score: int | None\n")
    for arguments in (["--check"], []):
        refused = checkout.publish(*arguments)
        assert refused.returncode == 1
        assert "ai.cscx.salesloft.engagement.v1: score: the model allows null, version 1 does not" in refused.stderr
    assert not (checkout.room / "published/ai.cscx.salesloft.engagement.v1/2.json").exists()


def test_a_nested_field_is_named_by_its_path(publisher: Publisher) -> None:
    narrower = create_model("OwnerRef", user_id=(str, ...))
    snapshot = changed(DirectoryCustomer, owner=(narrower | None, None))
    problems = publisher.plan(DirectoryCustomer=snapshot).problems
    assert any(" owner.email: removed" in problem for problem in problems)
    assert any(" owner.user_id: newly required" in problem for problem in problems)
    assert issubclass(DirectoryCustomer, CustomerSnapshot)
