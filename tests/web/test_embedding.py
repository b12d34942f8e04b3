"""What pages of others load of us: files for everybody, and parts for whom a token says."""

import re

import httpx
import pytest

from tests.web.acting import refused
from tests.web.stage import Api
from web.pages.rendering import FOLDER

ENTRY = "/elements/cscx-salesloft.js"
PAGE = {"origin": "https://whoever.example", "sec-fetch-site": "cross-site"}


async def test_everything_that_the_elements_load_is_there_for_any_page(shared_api: Api) -> None:
    script = (await shared_api.http.get(ENTRY, headers=PAGE)).text
    loaded = set(re.findall(r"""["'](?:\./)?([\w.]+\.(?:js|css))["']""", script))
    assert {"dates.js", "event_stream.js", "uPlot.js", "app.css"} < loaded
    for name in loaded:
        answer = await shared_api.http.get(f"/elements/{name}", headers=PAGE)
        assert answer.status_code == 200, name
        assert answer.headers["content-type"].startswith("text/css" if name.endswith("css") else "text/javascript")
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        again = {"if-none-match": answer.headers["etag"]}
        kept = await shared_api.http.get(f"/elements/{name}", headers=PAGE | again)
        assert (kept.status_code, kept.content) == (304, b"")
        assert kept.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("name", ["app.js", "live.js", "nothing.js", "..%2Fapp.js", "vendor%2FuPlot.min.css"])
async def test_nothing_else_is(shared_api: Api, name: str) -> None:
    assert (FOLDER / "static" / "app.js").exists()
    assert (await shared_api.http.get(f"/elements/{name}", headers=PAGE)).status_code == 404


async def test_a_part_is_for_whom_a_token_says_and_no_cookie_does(shared_api: Api) -> None:
    begun = await shared_api.http.post("/api/salesloft/session", headers=shared_api.headers())
    shared_api.http.cookies.clear()
    async with httpx.AsyncClient(base_url=shared_api.base_url, cookies=dict(begun.cookies)) as browser:
        own = {"sec-fetch-site": "same-origin"}
        assert (await browser.get("/app/people", headers=own)).status_code == 200
        for path in ("/embedded/stakeholders/sth-1", "/embedded/customers/cus-1"):
            unknown = await browser.get(path, headers=own)
            assert unknown.status_code == 401
            assert "sth-1" not in unknown.text
    for path in ("/embedded/stakeholders/nobody", "/embedded/customers/nobody"):
        absent = await shared_api.http.get(path, headers=shared_api.headers())
        assert (absent.status_code, absent.headers["cache-control"]) == (404, "no-store")
        assert 'role="alert"' in absent.text
        assert "set-cookie" not in absent.headers
    refused(await shared_api.http.get("/embedded/customers/nobody", headers=PAGE), 401, "caller_unknown")
