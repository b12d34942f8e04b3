"""A page of others, on an origin of its own, that may load and ask nothing but what is ours."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import escape
from typing import Any
from urllib.parse import urlencode

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Locator, Page, Request
from starlette.applications import Starlette
from starlette.requests import Request as Asked
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from tests.web.stage import served

__all__ = ["Host", "embedding"]

_ID_OF = {"contact": "stakeholder-id", "customer": "customer-id"}
_HAND_TOKENS = """() => {
    addEventListener("cscx-salesloft-signed-out", ({ target }) => { window.signedOut = target.localName; });
    addEventListener("cscx-salesloft-open", (event) => {
        event.preventDefault();
        window.opened = event.detail;
    });
    for (const element of document.querySelectorAll("cscx-salesloft-contact, cscx-salesloft-customer"))
        element.getToken = async (why) => {
            const token = await window.hostToken(why);
            window.handed = (window.handed ?? 0) + 1;
            return token;
        };
}"""

_SET_TOKEN = """new MutationObserver(() => {
    for (const element of document.querySelectorAll("cscx-salesloft-contact, cscx-salesloft-customer"))
        if (!element.shadowRoot) element.token = "TOKEN";
}).observe(document, { childList: true, subtree: true })"""
_HIDE = """(hidden) => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


@dataclass
class Host:
    """A page of others. `tokens` are handed to its elements one after another, the last one again; `asked` is why.

    `in_no_hurry` is waited for before a token that is to replace a refused one is handed over.
    """

    page: Page
    origin: str
    service: str
    tokens: list[str]
    asked: list[dict[str, Any]] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    in_no_hurry: Callable[[], Awaitable[object]] | None = None

    @property
    def contact(self) -> Locator:
        return self.page.locator("cscx-salesloft-contact")

    @property
    def customer(self) -> Locator:
        return self.page.locator("cscx-salesloft-customer")

    async def open(self, **shown: str) -> None:
        """The page with a `contact` and a `customer` by their ids, to which it hands tokens."""
        await self.page.goto(f"{self.origin}/?{urlencode(shown)}", wait_until="load")
        await self.page.evaluate(_HAND_TOKENS)

    async def open_before_the_script(self, **shown: str) -> None:
        """The same where the page sets the first token on each element before anything of ours has come."""
        await self.page.add_init_script(_SET_TOKEN.replace("TOKEN", self.tokens[0]))
        await self.page.goto(f"{self.origin}/?{urlencode(shown)}", wait_until="load")

    async def is_hidden(self, *, hidden: bool) -> None:
        """As if the reader looked at another tab."""
        await self.page.evaluate(_HIDE, hidden)

    async def follows(self, element: Locator, sign: str = "Live") -> None:
        """Wait until an element hears of changes, or says otherwise."""
        await element.locator(".live", has_text=sign).wait_for()

    async def heard(self, name: str) -> Any:
        """What an element has told its page: `opened` or `signedOut`."""
        return await self.until(f"window.{name}")

    async def until(self, expression: str) -> Any:
        """What it comes to, once that is something. Asked from outside: the page's policy forbids it to look itself."""
        async with asyncio.timeout(30):
            while not (told := await self.page.evaluate(expression)):  # noqa: ASYNC110 - a browser signals nothing
                await asyncio.sleep(0.05)
        return told

    async def violations(self, *rules: str) -> list[str]:
        """What axe finds on the page as it is: by these rules, or by all."""
        found = await Axe().run(self.page, options={"runOnly": list(rules)} if rules else None)
        return [
            f"{one['id']}: {node['html'][:200]} {node['failureSummary']}"
            for one in found.response["violations"]
            for node in one["nodes"]
        ]

    async def give(self, why: dict[str, Any]) -> str:
        self.asked.append(why)
        if why["refused"] and self.in_no_hurry is not None:
            await self.in_no_hurry()
        return self.tokens.pop(0) if len(self.tokens) > 1 else self.tokens[0]

    def watch(self) -> None:
        """Note what is asked of whom, and what the console says, a violated policy among it."""

        def asked(request: Request) -> None:
            self.addresses.append(request.url)
            if not request.url.startswith((f"{self.service}/", f"{self.origin}/")):
                self.complaints.append(f"asked of another place: {request.url}")

        self.page.on("request", asked)
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on("console", lambda said: self.complaints.append(said.text) if said.type != "log" else None)


@asynccontextmanager
async def embedding(
    browser: Browser, service: str, *tokens: str, stricter: str = "", **options: Any
) -> AsyncIterator[Host]:
    """A page of others in a browser; `stricter` adds to its policy, `options` are Playwright's, of a context."""
    async with served(_pages(service, stricter)) as address:
        context = await browser.new_context(**options)
        host = Host(await context.new_page(), address.replace("127.0.0.1", "localhost"), service, list(tokens))
        await host.page.expose_function("hostToken", host.give)
        host.watch()
        yield host
        await context.close()


def _pages(service: str, stricter: str) -> Starlette:
    policy = f"default-src 'none'; script-src {service}; connect-src {service}; {stricter}"

    async def page(asked: Asked) -> Response:
        shown = "".join(
            f'<cscx-salesloft-{kind} {_ID_OF[kind]}="{escape(id_)}"></cscx-salesloft-{kind}>'
            for kind, id_ in asked.query_params.items()
        )
        return HTMLResponse(
            '<!doctype html><html lang="en"><head><title>Acme</title><meta name="color-scheme" content="light dark">'
            '<meta name="viewport" content="width=device-width">'
            f'<script type="module" src="{service}/elements/cscx-salesloft.js"></script></head>'
            f"<body><main><h1>Acme</h1>{shown}</main></body></html>",
            headers={"content-security-policy": policy},
        )

    return Starlette(routes=[Route("/", page)])
