"""Running the check as a script would."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, TypeAlias

SECRET: Final = "s3cret-pa55word"


class Outcome:
    """How a run of the check ended, and what it printed; never the secret."""

    def __init__(self, code: int, out: str, err: str) -> None:
        assert "s3cret" not in out + err
        assert "Traceback" not in out + err
        self.code, self.out, self.err = code, out, err

    @property
    def json(self) -> dict[str, Any]:
        """What was printed, as JSON."""
        whole: dict[str, Any] = json.loads(self.out)
        return whole

    def levels(self) -> dict[str, str]:
        """Return the level of what was found, for each thing looked at."""
        return {each["about"]: each["level"] for each in self.json["findings"]}

    def text(self, about: str) -> str:
        """Return what was found about something."""
        return "; ".join(each["text"] for each in self.json["findings"] if each["about"] == about)


Check: TypeAlias = Callable[..., Outcome]
"""Runs the check with arguments, and settings in the environment."""
