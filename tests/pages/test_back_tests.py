"""A version tried on what has happened, as a picture with the API's figures, alone and beside another version."""

from typing import Any

import orjson
from playwright.async_api import Browser, Locator, expect

from tests.pages.conftest import reading
from tests.web.looking_scene import Scene

CHAMPIONS = {"field": "stakeholder.role", "op": "equals", "value": "champion"}


async def test_a_version_is_tried_beside_another_one(browser: Browser, scene: Scene) -> None:
    published = next(one for one in (await scene.see("/trigger-mappings"))["mappings"] if one["status"] == "published")
    narrower = published["mapping"] | {"stakeholder_criteria": CHAMPIONS}
    drafted = await _drafted(scene, published["id"], narrower)
    as_published = await _back_test(scene, published["mapping"])
    as_drafted = await _back_test(scene, narrower)
    assert as_published["requests"] > as_drafted["requests"] == 0

    async with reading(browser, scene, role="manager", reduced_motion="reduce") as reader:
        page = reader.page
        await reader.open(f"/mappings/{published['id']}/back-test")
        await page.locator("[name=version]").select_option(str(published["version"]))
        await page.locator("[name=beside]").select_option(str(drafted))
        await page.get_by_role("button", name="Run").click()
        chart = page.locator("figure.chart")
        await expect(chart.locator("canvas")).to_be_visible()
        drawn: dict[str, list[int]] = orjson.loads(await chart.get_attribute("data-chart") or "")
        own, narrow = as_published["own"], as_drafted["own"]
        assert sum(drawn["requests"]) == own["requests"]
        assert sum(drawn["beside"]) == narrow["requests"]
        assert [many for many in drawn["were"] if many] == [
            one["were"] for one in own["requests_by_day"] if one["were"]
        ]
        assert len(drawn["days"]) == 91
        told = page.get_by_label("In short")
        await expect(told).to_contain_text(f"Its own events{own['events']}")
        other = drafted
        await expect(told).to_contain_text(f"It would have requested{own['requests']} version {other}: 0")
        await expect(told).to_contain_text(f"It did request{own['were']}")
        await expect(told).to_contain_text(f"API calls at most{own['calls_at_most']}")
        # Every decision on its events is in the table once, and the last row is their sum.
        table = page.get_by_role("region", name="Outcomes, as a table")
        for column in (1, 2, 3):
            cells = [int(one) for one in await table.locator(f"tr > :nth-child({column + 1}):is(td)").all_inner_texts()]
            assert sum(cells[:-1]) == cells[-1] > 0, column
        owners = page.get_by_role("region", name="Approvals by person").get_by_role("listitem")
        assert await _numbers(owners) == [one["requests"] for one in own["requests_by_owner"]]
        names = [one["owner_name"] or one["owner_user_id"] for one in own["requests_by_owner"]]
        assert await owners.locator(".stage").all_inner_texts() == names
        # Why is said as everywhere, and a request needs none.
        said = await table.locator("tbody th").all_inner_texts()
        assert said[:2] == ["Request", "Skip something that the criteria ask is not known"]
        differs = page.get_by_role("region", name="Who comes out differently").locator("tbody tr")
        await expect(differs.first).to_contain_text("something that the criteria ask is not known")
        await expect(differs).to_have_count(as_published["requests"])
        await expect(page.get_by_role("region", name="What differs").locator("ins")).to_have_text("Is now everybody")
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme=scheme)
            assert await reader.violations() == [], scheme
        await page.set_viewport_size({"width": 360, "height": 740})
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360
        assert reader.complaints == []
    async with reading(browser, scene, role="csm") as another:
        await another.open(f"/mappings/{published['id']}/back-test")
        await expect(another.page.get_by_role("button", name="Run")).to_have_count(0)


async def test_where_nobody_is_requested_nothing_is_drawn(browser: Browser, scene: Scene) -> None:
    published = next(one for one in (await scene.see("/trigger-mappings"))["mappings"] if one["status"] == "published")
    drafted = await _drafted(scene, published["id"], published["mapping"] | {"stakeholder_criteria": CHAMPIONS})
    await scene.stage.execute(
        """UPDATE evaluations SET outcomes = replace(outcomes::text, '"request"', '"skip"')::json"""
    )
    async with reading(browser, scene, role="manager", reduced_motion="reduce") as reader:
        page = reader.page
        await reader.open(f"/mappings/{published['id']}/back-test")
        await page.locator("[name=version]").select_option(str(drafted))
        await page.locator("[name=beside]").select_option("")
        await page.get_by_role("button", name="Run").click()
        await expect(page.get_by_text("Nobody was requested, and nobody would be")).to_be_visible()
        await expect(page.locator("figure.chart")).to_have_count(0)
        assert await reader.violations() == []
        assert reader.complaints == []


async def _drafted(scene: Scene, id_: str, mapping: dict[str, Any]) -> int:
    headers = scene.headers(role="admin") | {"if-match": "*"}
    path = f"/api/salesloft/trigger-mappings/{id_}/draft"
    answer = await scene.http.put(path, json=mapping, headers=headers)
    assert answer.status_code == 200, answer.text
    version: int = answer.json()["versions"][-1]["version"]
    return version


async def _back_test(scene: Scene, mapping: dict[str, Any]) -> dict[str, Any]:
    headers = scene.headers(role="admin")
    begun = await scene.http.post(
        "/api/salesloft/mapping-trials/back-test", json={"mapping": mapping, "days": 90}, headers=headers
    )
    assert begun.status_code == 202, begun.text
    while True:
        trial = (await scene.http.get(begun.headers["location"], headers=headers)).json()
        if trial["state"] not in {"waiting", "running"}:
            found: dict[str, Any] = trial["back_test"]
            return found


async def _numbers(rows: Locator) -> list[int]:
    return [int(await row.locator("strong").inner_text()) for row in await rows.all()]
