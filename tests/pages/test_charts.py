"""What is drawn of the days: a line where there is one to see, else bars."""

from typing import Any

import orjson
from playwright.async_api import Browser, expect

from tests.pages.conftest import reading
from tests.web.looking_scene import Scene

SERIES = ("asked_for", "enrolled")
# How wide the widest piece of each series' colour is, of the row of the canvas that is half as high as its chart.
WIDEST = """(names) => {
    const figure = document.querySelector("figure.chart"), canvas = figure.querySelector("canvas");
    const row = canvas.getContext("2d").getImageData(0, canvas.height / 2, canvas.width, 1).data;
    const probe = figure.appendChild(document.createElement("i"));
    const widths = names.map((name) => {
        probe.style.color = `var(${name})`;
        const colour = getComputedStyle(probe).color.match(/\\d+/g).slice(0, 3).map(Number);
        let widest = 0, width = 0;
        for (let at = 0; at < row.length; at += 4) {
            width = colour.every((part, index) => Math.abs(row[at + index] - part) < 8) ? width + 1 : 0;
            widest = Math.max(widest, width);
        }
        return widest;
    });
    probe.remove();
    return widths;
}"""
DRAW = """(told) => {
    const figure = document.querySelector("figure.chart");
    figure.dataset.chart = told;
    figure.replaceChildren();
}"""


async def test_where_most_days_have_nothing_each_has_bars_beside_one_another(browser: Browser, scene: Scene) -> None:
    async with reading(browser, scene, viewport={"width": 1280, "height": 900}) as reader:
        page = reader.page
        await reader.open("/overview?days=30")
        figure = page.locator("figure.chart")
        await expect(figure.locator("canvas")).to_be_visible()
        days: list[int] = orjson.loads(await figure.get_attribute("data-chart") or "")["days"]

        async def widest(of_a_day: Any, width: int) -> tuple[int, int]:
            told = {"days": days, **{name: [of_a_day(day) for day in range(len(days))] for name in SERIES}}
            await page.evaluate(DRAW, orjson.dumps(told).decode())
            # With another width it is drawn anew.
            await page.set_viewport_size({"width": width, "height": 900})
            await expect(figure.locator("canvas")).to_be_visible()
            asked_for, enrolled = await page.evaluate(WIDEST, ["--accent", "--good"])
            return asked_for, enrolled

        asked_for, enrolled = await widest(lambda day: 8 if day in {9, 20} else 0, 1200)
        # Neither lies over the other.
        assert asked_for == enrolled > 5
        # On a telephone a day has less room.
        assert min(await widest(lambda day: 8 if day in {9, 20} else 0, 360)) >= 2
        assert max(await widest(lambda day: 8 if day % 2 else 0, 1200)) < 5
        assert reader.complaints == []
