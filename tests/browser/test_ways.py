"""Ways to use the page: without a script, with the keyboard alone, on a phone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser.shots import PHONE, PHONE_AGENT
from tests.browser.window import Window

pytestmark = pytest.mark.browser


def test_without_a_script_everything_works(url: str, open_window: Callable[..., Window]) -> None:
    phone = open_window(url, user_agent=PHONE_AGENT, java_script_enabled=False)
    window = open_window(url, java_script_enabled=False, expects=(429,))
    for each in (phone, window):
        each.sign_in("ada")

    said = [
        window.click(each)
        for each in ("#add", "#ask", "#ask", "#evict", ".devices button", "#press", "#sign-out")
    ]

    assert [each.partition(" It took")[0] for each in said] == [
        "Counted to 1.",
        "Nothing was cached, so the query ran.",
        "From the cache.",
        "The result is evicted.",
        "That device is signed out.",
        "Pressed. 4 more now.",
        "You are signed out, in every window of this browser.",
    ]
    assert window.page.url == f"{url}/"
    assert window.token() is None


def test_without_a_script_a_refusal_is_the_page(url: str, open_window: Callable[..., Window]) -> None:
    window = open_window(url, java_script_enabled=False, expects=(429,))

    while "Refused" not in window.click("#press"):
        continue

    assert window.said.startswith("Refused: try again in ")
    assert window.text("#quota").startswith("0\n")


def test_the_keyboard_is_enough(window: Window) -> None:
    keys, focused = window.page.keyboard, ":focus"
    keys.press("Tab")
    assert window.text(focused) == "Skip to the content"
    keys.press("Enter")
    keys.press("Tab")
    keys.type("ada")
    keys.press("Enter")
    window.find("#who")

    seen = []
    while "add" not in seen:
        keys.press("Tab")
        seen.append(window.page.get_attribute(focused, "id"))
        outline = window.page.eval_on_selector(focused, "each => getComputedStyle(each).outlineWidth")
        assert outline == "3px"
    for key, count in (("Enter", "1"), ("Space", "2")):
        keys.press(key)
        window.find(f"#count:text-is('{count}')")
        window.find("main:not(:has([aria-busy]))")

    assert window.page.get_attribute(focused, "id") == "add"  # it stays where it was


def test_every_field_and_button_has_a_name(window: Window) -> None:
    window.sign_in("ada")
    window.click("#sign-out")

    nameless = window.page.eval_on_selector_all(
        "button, input:not([type=hidden])",
        "all => all.filter(each => !each.innerText && !each.labels?.length).map(each => each.outerHTML)",
    )
    assert nameless == []


@pytest.mark.parametrize("width", [320, 360, 768, 1024, 1600])
def test_nothing_is_wider_than_the_screen(url: str, open_window: Callable[..., Window], width: int) -> None:
    window = open_window(url, viewport={**PHONE, "width": width})
    window.page.fill("#name", "W" * 40)
    window.click("#sign-in", "signed in")
    window.click("#ask")

    assert window.page.eval_on_selector("html", "each => each.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out(url: str, open_window: Callable[..., Window], scheme: str) -> None:
    window = open_window(url, color_scheme=scheme)
    window.sign_in("ada")
    window.click("#ask")

    faint = window.page.evaluate(CONTRASTS)

    assert faint == []


CONTRASTS = """() => {
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (text) => rgb(text).slice(0, 3)
    .map((each) => each / 255)
    .map((each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4))
    .reduce((sum, each, at) => sum + each * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (each) => {
    for (; each; each = each.parentElement) {
      const found = getComputedStyle(each).backgroundColor;
      if (rgb(found)[3] !== 0) return found;
    }
    return "rgb(255, 255, 255)";
  };
  const texts = [...document.querySelectorAll("body *")]
    .filter((each) => [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
    .filter((each) => !each.closest(".unseen, .skip, script, :disabled"));
  return texts
    .map((each) => [each, light(getComputedStyle(each).color), light(behind(each))])
    .map(([each, one, two]) => [each, (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05)])
    .filter(([, contrast]) => contrast < 4.5)
    .map(([each, contrast]) => `${contrast.toFixed(2)} ${each.outerHTML.slice(0, 80)}`);
}"""
