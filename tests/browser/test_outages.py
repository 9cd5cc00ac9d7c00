"""Redis goes away and comes back, and so does the application, while the page is open."""

from __future__ import annotations

import signal
from collections.abc import Callable

import httpx
import pytest

from modkit_redis.testing import EmbeddedServer
from tests.browser.shots import take
from tests.browser.window import Window
from tests.support import wait_until
from tests.unit.testing.processes import Program, listens
from tests.webapps import webapp

pytestmark = pytest.mark.browser


def test_while_redis_is_away_the_page_says_what_is_left_and_recovers_by_itself(
    private_server: EmbeddedServer, open_window: Callable[..., Window]
) -> None:
    with webapp(private_server.addr, "away") as url:
        window = open_window(url, expects=(503,))
        window.sign_in("ada")
        token = window.token()

        private_server.stop()
        window.find("#banner")
        assert window.text("#live") == "Redis does not answer."
        take(window.page, "away")
        said = [window.click(each) for each in ("#add", "#press", "#ask")]
        assert [each.split()[0] for each in said] == ["Not", "Pressed,", "The"]
        assert window.text("#badge") == "direct"
        take(window.page, "away-direct")

        private_server.restart()
        window.find("#banner", state="detached")
        assert window.text("#state") == "Redis answers"
        assert window.token() == token
        window.click("#add", "counts 1")


def test_who_cannot_be_signed_in_is_told_so(
    private_server: EmbeddedServer, open_window: Callable[..., Window]
) -> None:
    with webapp(private_server.addr, "stranger") as url:
        window = open_window(url, expects=(503,))
        private_server.stop()
        window.find("#banner")

        window.page.fill("#name", "ada")
        window.page.press("#name", "Enter")

        assert "Try again in 5 seconds." in window.find("#told").inner_text()


def test_a_session_outlives_an_outage(
    private_server: EmbeddedServer, open_window: Callable[..., Window]
) -> None:
    with webapp(private_server.addr, "frozen") as url:
        window = open_window(url, expects=(503,))
        window.sign_in("ada")
        window.click("#add", "Counted to 1.")
        token = window.token()

        with private_server.frozen():
            window.find("#banner")
            assert window.page.locator("#who").count() == 0

        window.find("#banner", state="detached")
        assert (window.token(), window.text("#who"), window.text("#count")) == (token, "ada", "1")


def test_ctrl_c_ends_the_application_while_the_page_is_open(open_window: Callable[..., Window]) -> None:
    program = Program("-m", "examples.webapp")
    with program.running() as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[1]
        server = process.stdout.readline().split()[3].rstrip(".")
        window = open_window(url)
        window.sign_in("ada")

        process.send_signal(signal.SIGINT)
        output = process.communicate()

        assert (process.returncode, *output) == (0, "", "")
        wait_until(lambda: not program.left(), f"gone: {program.left()}")
        assert not listens(server)
        window.find("#live:text('The application does not answer.')", state="attached")
        window.errors = [each for each in window.errors if "ERR_CONNECTION_REFUSED" not in each]


def test_no_form_of_another_site_is_taken(window: Window, url: str) -> None:
    window.sign_in("ada")
    elsewhere = url.replace("127.0.0.1", "localhost")
    assert httpx.get(elsewhere).status_code == 200
    tab = window.new_tab()
    tab.goto("about:blank")
    tab.set_content(f'<form method="post" action="{url}/sign-out"><button>Win a prize</button></form>')

    with tab.expect_navigation() as navigation:
        tab.click("button")

    answer = navigation.value
    assert answer and answer.status == 403
    window.page.reload()
    assert window.text("#who") == "ada"
    window.errors.clear()  # the console tells of the 403
