"""Pictures of the page, taken when ``MODKIT_REDIS_SCREENSHOTS`` names a folder for them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from playwright.sync_api import Page

FOLDER: Final = os.environ.get("MODKIT_REDIS_SCREENSHOTS", "")

WIDE: Final = {"width": 1280, "height": 800}
PHONE: Final = {"width": 360, "height": 740}


def take(page: Page, name: str) -> None:
    """Take pictures of a state: in light and in dark, and as a phone shows it."""
    if not FOLDER:
        return
    for look, scheme, size in (("light", "light", WIDE), ("dark", "dark", WIDE), ("phone", "light", PHONE)):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]  # one of its words
        page.set_viewport_size(size)  # type: ignore[arg-type]  # likewise
        page.screenshot(path=Path(FOLDER) / f"{name}-{look}.png", full_page=True)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]  # likewise


def take_for_readme(page: Page) -> None:
    """Take the picture that the README opens with."""
    if FOLDER:
        page.keyboard.press("Control+Home")
        page.mouse.move(0, 0)
        page.screenshot(path=Path(FOLDER) / "readme.png", full_page=True)


PHONE_AGENT: Final = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.5 Mobile/15E148 Safari/604.1"
)
