"""The pages as pictures, of a demo that has come to rest: `python -m tests.pages.pictures [name ...]`.

Names are those of `PICTURES`; without one all of them are taken, into docs/pictures.
"""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from os import environ
from pathlib import Path
from typing import Final, Literal
from urllib.parse import unquote

from playwright.sync_api import Browser, Page, expect, sync_playwright
from rich.console import Console

FOLDER: Final = Path(__file__).parents[2] / "docs" / "pictures"
_DEMO: Final = (Path(sys.executable).parent / "cscx-salesloft-sandbox", "demo", "--events", "200", "--keep-running")
_ADDRESS: Final = re.compile(r"Open (http://\S+)/app/ ")
_STOP_SECONDS: Final = 60
_ACCEPTED: Final = 202
_NOTES: Final = ("She asked on the phone for a review before the summer.", "Has taken over the account: meet early.")
_ADD: Final = """async ([stakeholderId, note]) => {
    const asked = await fetch("/api/salesloft/cadences?people_addable=true&state=active&limit=50");
    const cadence = (await asked.json()).items.find((one) => one.team_cadence);
    const answer = await fetch(`/api/salesloft/cadences/${cadence.id}/add`, {
        method: "POST",
        headers: {
            "content-type": "application/json",
            "x-csrf-token": document.querySelector('meta[name="csrf-token"]').content,
        },
        body: JSON.stringify({ stakeholder_id: stakeholderId, note }),
    });
    return answer.status;
}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One picture: who opens which page, and which links lead on from there, each by its place on its page.

    `waits_for` is the place of what comes after the page has loaded.
    """

    name: str
    role: Literal["viewer", "csm", "manager", "admin"]
    path: str
    links: tuple[str, ...] = ()
    waits_for: str | None = None
    theme: Literal["light", "dark"] = "light"
    size: tuple[int, int] = (1280, 860)


PICTURES: Final = (
    Picture(name="approvals", role="manager", path="/approvals?show=all"),
    Picture(name="contact", role="manager", path="/people", links=("table th a",)),
    Picture(name="contact-dark", role="manager", path="/people", links=("table th a",), theme="dark"),
    Picture(name="contact-narrow", role="manager", path="/people", links=("table th a",), size=(390, 844)),
    Picture(name="customer", role="manager", path="/people", links=("table td a",)),
    Picture(name="triggers", role="admin", path="/mappings"),
    Picture(name="mapping", role="admin", path="/mappings", links=("a.tile",)),
    Picture(
        name="editor",
        role="admin",
        path="/mappings",
        links=("a.tile", "main a[href$='/edit']"),
        waits_for=".headline",
        size=(1280, 1100),
    ),
    Picture(name="cadence", role="admin", path="/cadences", links=("main table th a, main .card h2 a",)),
    Picture(name="overview", role="manager", path="/overview", size=(1280, 1240)),
    Picture(name="operations", role="admin", path="/operations"),
)


@contextmanager
def demo_at_rest(console: Console) -> Iterator[str]:
    """The address of a demo that has run and is kept running."""
    with subprocess.Popen(_DEMO, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                console.print(line.rstrip(), style="dim", markup=False, highlight=False, soft_wrap=True)
                if found := _ADDRESS.search(line):
                    yield found[1]
                    return
            raise SystemExit("error: the demo ended before it could be looked at; what it said is above")
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=_STOP_SECONDS)


def ask_by_hand(browser: Browser, address: str) -> None:
    """Somebody waits for a decision: a csm asks for some of their people by hand.

    A demo at rest goes by the time of day, and its approvers take ten minutes at least: longer than the pictures do.
    """
    with browser.new_context() as context:
        page = _signed_in(context.new_page(), address, "csm", "/people?show=over")
        ids = [unquote(path.rpartition("/")[2]) for path in _leads_to(page, "table th a")]
        notes = iter(_NOTES)
        note = next(notes)
        for id_ in dict.fromkeys(ids):
            if page.evaluate(_ADD, [id_, note]) != _ACCEPTED:
                continue
            note = next(notes, "")
            if not note:
                return
    raise SystemExit("error: none of the csm's people can be asked for by hand, so nothing would wait in the queue")


def take(browser: Browser, address: str, picture: Picture) -> Path:
    """Sign in, go there, and store what is seen once everything on it has loaded."""
    width, height = picture.size
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=picture.theme, reduced_motion="reduce"
    )
    with context:
        page = _signed_in(context.new_page(), address, picture.role, picture.path)
        for link in picture.links:
            _follow(page, link)
        expect(page.locator("[data-live]")).to_have_attribute("data-live", "live")
        if picture.waits_for is not None:
            expect(page.locator(picture.waits_for)).to_be_visible()
        expect(page.locator("main [aria-busy=true]:visible")).to_have_count(0)
        FOLDER.mkdir(parents=True, exist_ok=True)
        file = FOLDER / f"{picture.name}.png"
        page.screenshot(path=file)
    return file


def _signed_in(page: Page, address: str, role: str, path: str) -> Page:
    page.goto(f"{address}/app/")
    page.get_by_role("link", name="Sign in").click()
    page.get_by_role("link", name=role).first.click()
    # Whoever signs in comes back without what was asked of the page.
    expect(page.locator("[data-live]")).to_be_attached()
    page.goto(f"{address}/app{path}")
    return page


def _leads_to(page: Page, link: str) -> list[str]:
    return [leads_to for one in page.locator(link).all() if (leads_to := one.get_attribute("href")) is not None]


def _follow(page: Page, link: str) -> None:
    page.goto(f"{page.url.split('/app')[0]}{_leads_to(page, link)[0]}")


def main(names: Sequence[str]) -> None:
    """Take the pictures that are named, or all of them."""
    console = Console(stderr=True)
    known = {picture.name: picture for picture in PICTURES}
    if unknown := [name for name in names if name not in known]:
        raise SystemExit(f"error: there is no picture {', '.join(unknown)}; there are {', '.join(known)}")
    with demo_at_rest(console) as address, sync_playwright() as playwright:
        # Root has no sandbox of Chromium's; the pages are our own.
        browser = playwright.chromium.launch(executable_path=environ.get("CHROMIUM"), args=["--no-sandbox"])
        ask_by_hand(browser, address)
        for name in names or known:
            console.print(f"{take(browser, address, known[name])}", highlight=False)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
