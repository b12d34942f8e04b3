"""The page of operations: what it says is said as people say it, and nothing on it sticks to something else."""

from playwright.async_api import Browser, expect

from tests.pages.conftest import reading
from tests.web.acting import Acting
from tests.web.looking_scene import Scene
from tests.web.test_dead_letters import Post


async def test_how_far_salesloft_was_read_is_said_in_plain_words(browser: Browser, scene: Scene) -> None:
    async with reading(browser, scene, role="admin") as reader:
        await reader.open("/operations")
        main = reader.page.locator("main")
        await expect(main.get_by_role("region", name="Streams").get_by_text("Complete").first).to_be_visible()
        await main.get_by_text("Earlier reads").click()
        for head in ("Up to date as of", "Next read", "Records read", "Known before", "Still to take in", "Read no."):
            await expect(main.get_by_role("columnheader", name=head).first).to_be_visible()
        connection = main.get_by_role("region", name="Connection")
        await expect(connection).to_contain_text("There are no webhooks: changes in Salesloft are seen")
        text = await main.inner_text()
        for word in ("Whole", "Owed", "Emitted", "Cycle", "Token", "without an end", "Scanned"):
            assert word not in text, word
        assert reader.complaints == []


async def test_no_bar_is_drawn_where_nothing_is_spent(browser: Browser, scene: Scene) -> None:
    async with reading(browser, scene, role="admin") as reader:
        await reader.open("/operations")
        budget = reader.page.get_by_role("region", name="Rate budget")
        await expect(budget).to_contain_text("points left")
        spent = await budget.get_by_role("progressbar").evaluate_all("bars => bars.map((bar) => bar.value)")
        assert 0 not in spent


async def test_a_date_in_a_table_is_one_line_however_narrow_the_page_is(browser: Browser, scene: Scene) -> None:
    async with reading(browser, scene, role="admin", locale="de-DE") as reader:
        page = reader.page
        await reader.open("/operations")
        for folded in ("Earlier reads", "Who did what"):
            await page.locator("main").get_by_text(folded).click()
        for sheet in ("Streams", "Ledger", "What was done"):
            dates = page.get_by_role("region", name=sheet).locator("time")
            await expect(dates.first).to_be_visible()
            for width in (1280, 1024, 768, 640, 360):
                await page.set_viewport_size({"width": width, "height": 800})
                lines = await dates.evaluate_all("dates => dates.map((date) => date.getClientRects().length)")
                assert set(lines) == {1}, (sheet, width)
        ledger = page.get_by_role("region", name="Ledger")
        await expect(ledger.locator("td").filter(has_text="took").first).to_be_visible()


async def test_what_an_event_lacks_is_not_looked_for_in_its_data(browser: Browser, desk: Acting) -> None:
    post = Post(desk.api.database, desk.api)
    without_id = post.record()
    without_id.headers = [one for one in without_id.headers if one[0] != "ce_id"]
    await post.fail(without_id)
    async with reading(browser, desk.api, role="admin") as reader:
        await reader.open("/operations")
        letters = reader.page.get_by_role("region", name="Dead letters")
        letter = letters.locator(".card").filter(has_text="Missing attribute")
        await expect(letter).to_contain_text(
            "id is absent or empty (of the event itself, beside the data that it carries)"
        )
        await letter.get_by_text("The data it carries").click()
        await expect(letter.locator("pre")).to_contain_text("cus-7")
        await letters.get_by_role("button", name="Preview what is sent back").click()
        plan = await letters.locator("#redrive-plan .note").bounding_box()
        card = await letters.locator(".cards > li").first.bounding_box()
        assert plan is not None
        assert card is not None
        assert card["y"] - (plan["y"] + plan["height"]) >= 8
        assert await reader.violations() == []
        assert reader.complaints == []


async def test_who_sends_back_what_nobody_has_mended_is_told_so_before(browser: Browser, desk: Acting) -> None:
    post = Post(desk.api.database, desk.api, offset=200)
    bare = post.record(customer="cus-71")
    bare.headers = []
    await post.fail(bare)
    async with reading(browser, desk.api, role="admin") as reader:
        await reader.open("/operations")
        letters = reader.page.get_by_role("region", name="Dead letters")
        await letters.get_by_label("Reason").select_option("not_a_cloudevent")
        await letters.get_by_role("button", name="Preview what is sent back").click()
        plan = letters.locator("#redrive-plan .note")
        await expect(plan).to_contain_text("Nothing about the record has changed: it will very likely fail again.")
        assert await reader.violations() == []
        await plan.get_by_role("button", name="Send back 1").click()
        await expect(letters.get_by_role("status")).to_have_text(
            "1 record is sent back: what fails again is told below."
        )
        assert reader.complaints == []


async def test_where_nobody_can_connect_in_the_browser_it_says_what_is_to_be_done(
    browser: Browser, scene: Scene
) -> None:
    async with reading(browser, scene, role="admin") as reader:
        await reader.open("/operations")
        connection = reader.page.get_by_role("region", name="Connection")
        await expect(connection.get_by_role("button")).to_have_count(0)
        await connection.get_by_text("How to connect again").click()
        await expect(connection).to_contain_text("with an API key")
        for said in (
            f"cscx-salesloft connections connect {scene.organization_id} < key-file",
            "CSCX_SALESLOFT_SALESLOFT_CLIENT_ID",
            "CSCX_SALESLOFT_SALESLOFT_CLIENT_SECRET",
            "CSCX_SALESLOFT_PUBLIC_URL",
        ):
            await expect(connection.get_by_text(said, exact=True)).to_be_visible()
        await connection.get_by_text("What a key needs").click()
        await expect(connection.get_by_role("listitem").filter(has_text="cadences:write")).to_be_visible()
        await reader.page.set_viewport_size({"width": 360, "height": 740})
        assert await reader.page.evaluate("document.documentElement.scrollWidth") <= 360
        assert await reader.violations() == []
        assert reader.complaints == []
    async with reading(browser, scene, role="manager") as reader:
        await reader.open("/operations")
        await expect(reader.page.get_by_text("How to connect again")).to_have_count(0)


async def test_where_it_can_be_done_in_the_browser_a_button_begins_it(browser: Browser, desk: Acting) -> None:
    async with reading(browser, desk.api, role="admin") as reader:
        await reader.open("/operations")
        connection = reader.page.get_by_role("region", name="Connection")
        await expect(connection.get_by_text("How to connect again")).to_have_count(0)
        async with reader.page.expect_request(f"{desk.api.simulator.base_url}/oauth/authorize**"):
            await connection.get_by_role("button", name="Connect again").click()
