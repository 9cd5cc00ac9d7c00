"""A real browser: Debian's Chromium, or whichever is on the PATH; without one, these tests are skipped."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.browser.window import Window
from tests.webapps import webapp

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NONE: Final = "no browser: these tests need Chromium on the PATH and the dependency group 'browser'"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The browser; one per module, as Playwright's event loop stands in the way of other tests."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None or find_spec("playwright") is None:
        pytest.skip(NONE)
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  # it may be missing

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*FLAGS])
        yield browser
        browser.close()


@pytest.fixture
def url(browser: Browser, addr: str, prefix: str) -> Iterator[str]:
    """The application, served."""
    with webapp(addr, prefix) as url:
        yield url


@pytest.fixture
def open_window(browser: Browser) -> Iterator[Callable[..., Window]]:
    """Open windows, each with cookies of its own; in the end, nothing in them may have gone wrong."""
    windows: list[Window] = []
    with ExitStack() as open_ones:

        def open_window(url: str, *, expects: tuple[int, ...] = (), **choices: Any) -> Window:
            context = browser.new_context(**choices)
            open_ones.callback(context.close)
            windows.append(Window(context, url, expects))
            return windows[-1]

        yield open_window
        for each in windows:
            assert each.errors == []
            assert each.strays() == []


@pytest.fixture
def window(url: str, open_window: Callable[..., Window]) -> Window:
    """A window at the application's page."""
    return open_window(url)
