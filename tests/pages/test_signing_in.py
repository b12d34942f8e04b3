"""People sign in at an identity provider, and come back as who they chose to be."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.async_api import Browser, expect
from pydantic import SecretStr

from sandbox.identity import AUDIENCE, CLIENT_ID, identity_provider
from sandbox.stack import free_port
from tests.pages.conftest import Reader, reader_of
from tests.web.looking_scene import Scene
from tests.web.stage import KEYRING, served_at
from web.api import api_app
from web.browser import Browsers
from web.pages.signing_in import IdentityProvider, SigningIn
from web.security import Callers, Issuer


@pytest.fixture
async def address(scene: Scene) -> AsyncIterator[str]:
    """The API of the scene once more, with an identity provider that knows its organization."""
    async with AsyncExitStack() as stack:
        port = free_port()
        provider_url = f"http://127.0.0.1:{port}"
        await stack.enter_async_context(
            served_at(identity_provider(provider_url, [scene.organization_id], "a secret"), port)
        )
        browsers = Browsers(KEYRING, over_https=False)
        issuer = Issuer(issuer=provider_url, audience=AUDIENCE, keys_url=f"{provider_url}/keys")
        callers = Callers(issuer, await stack.enter_async_context(httpx.AsyncClient()), browsers)
        provider = IdentityProvider(url=provider_url, client_id=CLIENT_ID, client_secret=SecretStr("a secret"))
        ports = scene.ports(callers, browsers, SigningIn(provider, KEYRING, callers, browsers))
        yield await stack.enter_async_context(served_at(api_app(ports), 0))


@asynccontextmanager
async def somebody(browser: Browser, address: str) -> AsyncIterator[Reader]:
    context = await browser.new_context()
    try:
        yield await reader_of(context, address)
    finally:
        await context.close()


async def test_they_come_back_to_the_page_that_they_wanted(browser: Browser, address: str, scene: Scene) -> None:
    async with somebody(browser, address) as reader:
        await reader.open("/cadences")
        await reader.page.get_by_role("link", name="Sign in").click()
        await reader.page.get_by_role("link", name="manager").click()
        await expect(reader.page.locator("h1")).to_have_text("Cadences")
        await expect(reader.page.locator(".who")).to_contain_text(f"manager@{scene.organization_id}")


@pytest.mark.parametrize(
    "after", ["https://evil.example/", "//evil.example/", "/\\evil.example/", "javascript:alert(1)", "evil.example"]
)
async def test_nobody_is_sent_elsewhere_afterwards(address: str, after: str) -> None:
    async with httpx.AsyncClient(base_url=address) as http:
        there = await http.get("/app/sign-in/begin", params={"after": after})
        chosen = await http.get(f"{there.headers['location']}&as={await _first_choice(http, there)}")
        back = await http.get(chosen.headers["location"])
        assert (back.status_code, back.headers["location"]) == (303, "/")


async def test_a_callback_counts_in_the_browser_that_asked_for_it_alone(address: str) -> None:
    async with httpx.AsyncClient(base_url=address) as http, httpx.AsyncClient(base_url=address) as other:
        there = await http.get("/app/sign-in/begin")
        chosen = await http.get(f"{there.headers['location']}&as={await _first_choice(http, there)}")
        for victim in (other, await _having_begun(address)):
            refused = await victim.get(chosen.headers["location"])
            assert refused.status_code == 400
            assert "set-cookie" not in refused.headers
        await victim.aclose()


async def test_a_code_is_good_once_and_a_made_up_one_never(address: str) -> None:
    async with httpx.AsyncClient(base_url=address) as http:
        there = await http.get("/app/sign-in/begin")
        state = parse_qs(urlsplit(there.headers["location"]).query)["state"][0]
        refused = await http.get("/app/sign-in/callback", params={"state": state, "code": "made-up"})
        assert refused.status_code == 400
        assert "did not sign you in" in refused.text


async def _having_begun(address: str) -> httpx.AsyncClient:
    other = httpx.AsyncClient(base_url=address)
    await other.get("/app/sign-in/begin")
    return other


async def _first_choice(http: httpx.AsyncClient, there: httpx.Response) -> str:
    page = await http.get(there.headers["location"])
    (first, *_) = [part.split('"')[0] for part in page.text.split("as=")[1:]]
    return first
