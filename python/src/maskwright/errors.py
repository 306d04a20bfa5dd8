"""What the API refuses."""

from __future__ import annotations

from typing import Any

import httpx


class MaskwrightError(Exception):
    """An answer that is no success. `code` is stable: programs may decide by it."""

    def __init__(self, status: int, error: dict[str, Any]) -> None:
        self.status = status
        self.code: str = error.get("code", "unknown")
        self.detail: str = error.get("message", f"the server answered with {status}")
        #: The field at fault, as a path in the request: `prompts[0].box`.
        self.param: str | None = error.get("param")
        #: Finds the request in the server's log.
        self.request_id: str | None = error.get("request_id")
        super().__init__(f"{self.code}: {self.detail}")


def error_of(response: httpx.Response) -> MaskwrightError:
    try:
        body = response.json()
    except ValueError:
        body = None
    error = body.get("error") if isinstance(body, dict) else None
    return MaskwrightError(response.status_code, error if isinstance(error, dict) else {})
