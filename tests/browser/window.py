"""A window of the browser, and what a person does in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page

_PATIENCE_MS = 10_000


class Window:
    """A window with cookies of its own, open at the application's page.

    Attributes:
        page: Its first tab.
        errors: What was wrong in any tab: errors of the script, and messages of the console.
        requested: Every URL that was asked for.
    """

    def __init__(self, context: BrowserContext, url: str, expects: tuple[int, ...]) -> None:
        """Open it.

        Args:
            context: Where its cookies are kept.
            url: The application.
            expects: Statuses that are part of the test: the console tells of each answer above 399.
        """
        self._context, self._url = context, url
        self._expected = tuple(f"responded with a status of {status} " for status in expects)
        self.errors: list[str] = []
        self.requested: list[str] = []
        context.set_default_timeout(_PATIENCE_MS)
        self.page = self.new_tab()

    def new_tab(self) -> Page:
        """Open a further tab."""
        tab = self._context.new_page()
        tab.on("console", self._note)
        tab.on("pageerror", lambda error: self.errors.append(str(error)))
        tab.on("request", lambda request: self.requested.append(request.url))
        tab.goto(self._url)
        return tab

    def sign_in(self, name: str) -> None:
        """Sign in."""
        self.page.fill("#name", name)
        self.page.press("#name", "Enter")
        self.find(f"#who:text-is('{name}')")

    def click(self, selector: str, said: str = "") -> str:
        """Click, wait until the page says what came of it, and return that.

        Args:
            selector: What is clicked.
            said: A part of what it must say.
        """
        self.page.eval_on_selector("main", "each => each.dataset.old = true")
        self.page.click(selector)
        self.find("main:not([data-old])" + (f"[data-said*='{said}']" if said else ""))
        return self.said

    @property
    def said(self) -> str:
        """What the page says that came of the last click."""
        return self.page.get_attribute("main", "data-said") or ""

    def text(self, selector: str) -> str:
        """Return the text of an element."""
        return self.page.inner_text(selector)

    def find(self, selector: str, **options: Any) -> Locator:
        """Wait for an element, and return it."""
        found = self.page.locator(selector)
        found.wait_for(**options)
        return found

    def cookies(self) -> dict[str, dict[str, Any]]:
        """Return the cookies as the browser stored them."""
        return {str(each.get("name")): {**each} for each in self._context.cookies()}

    def token(self) -> str | None:
        """Return the session's token."""
        found = self.cookies().get("session")
        return found["value"] if found else None

    def strays(self) -> list[str]:
        """Return the URLs that were asked for and are not the application's."""
        return [each for each in self.requested if not each.startswith(f"{self._url}/")]

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not any(each in message.text for each in self._expected):
            self.errors.append(re.sub(r"\s+", " ", message.text))
