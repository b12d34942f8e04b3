"""`mappings`, as an operator types it: from a draft to what counts, and files out and in."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.service.operating import Operator


@pytest.fixture
async def connected(operator: Operator, team: dict[str, Any]) -> Operator:
    code, told = await operator.types("connections", "connect", "org-1", standard_input=f"{team['api_key']}\n")
    assert code == 0, told
    return operator


async def test_from_a_draft_to_files_and_back(connected: Operator, tmp_path: Path) -> None:
    file = tmp_path / "mapping.yaml"
    file.write_text("{trigger_type: renewal-window, segment: '[smb]', cadence_id: 99}")
    code, told = await connected.types("mappings", "draft", "org-1", str(file))
    assert code == 0, told
    assert ": draft cadence_id: the team has no cadence 99: choose one that it has" in told
    (id_,) = re.findall(r"draft (\S+), version 1", told)
    code, told = await connected.types("mappings", "publish", "org-1", id_)
    assert code == 1
    assert "MappingInvalid: cadence_id: the team has no cadence 99" in told
    code, told = await connected.types("mappings", "validate", "org-1", id_)
    assert (code, "choose one that it has" in told) == (1, True)
    cadence = await _a_cadence(connected)
    document = {"id": id_, "trigger_type": "renewal-window", "segment": "[smb]", "cadence_id": cadence}
    file.write_text(yaml.safe_dump(document))
    code, told = await connected.types("mappings", "draft", "org-1", str(file))
    assert (code, "version 1: validated" in told) == (0, True)
    code, told = await connected.types("mappings", "validate", "org-1", id_)
    assert (code, "validated" in told) == (0, True)
    code, told = await connected.types("mappings", "publish", "org-1", id_)
    assert f"version 1 of {id_} counts now" in told
    for command, *more in (("disable",), ("enable",), ("order", "7")):
        code, told = await connected.types("mappings", command, "org-1", id_, *more)
        assert code == 0, told
    code, told = await connected.types("mappings", "list", "org-1")
    assert "[smb]" in told
    assert "published 1" in told
    code, told = await connected.types("mappings", "show", "org-1", id_)
    assert all(word in told for word in ("drafted", "published", "disabled", "enabled", "reordered (7)", "priority: 7"))

    exported = tmp_path / "mappings.yaml"
    _, text = await connected.types_plainly("mappings", "export", "org-1")
    whole = yaml.safe_load(text)
    assert [one["id"] for one in whole["mappings"]] == [id_]
    whole["mappings"].append({"trigger_type": "at-risk", "cadence_id": cadence})
    exported.write_text(yaml.safe_dump(whole))
    code, told = await connected.types("mappings", "plan", "org-1", str(exported))
    assert code == 0, told
    assert "add at-risk of any segment" in told
    assert "0 of 0 stakeholders would be led elsewhere" in told
    (plan,) = re.findall(r"--plan (sha256:\S+)", told)
    await connected.types("mappings", "order", "org-1", id_, "8")
    code, told = await connected.types("mappings", "apply", "org-1", str(exported), "--plan", plan)
    assert (code, "PlanMoved" in told) == (1, True)
    code, told = await connected.types("mappings", "plan", "org-1", str(exported))
    assert "priority: 8 becomes 7" in told
    (plan,) = re.findall(r"--plan (sha256:\S+)", told)
    code, told = await connected.types("mappings", "apply", "org-1", str(exported), "--plan", plan)
    assert (code, told) == (0, "1 added, 1 changed, 0 retired")
    assert await connected.types("mappings", "retire", "org-1", id_) == (0, "retired")
    code, told = await connected.types("mappings", "retire", "org-1", id_)
    assert (code, "version 1, retired" in told) == (1, True)


async def test_fields_are_listed_without_any_setting() -> None:
    code, told = await Operator({}).types("mappings", "fields")
    assert code == 0
    assert "customer.health_score" in told
    assert "Only of at-risk." in told


async def _a_cadence(operator: Operator) -> int:
    """One that the defaults found."""
    _, told = await operator.types("mappings", "defaults", "org-1")
    return int(re.findall(r"\((\d+)\)", told)[0])
