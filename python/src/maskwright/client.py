"""The connection to a server: one call, its retries and errors; projects."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from maskwright import models
from maskwright.errors import error_of
from maskwright.project import Project

#: Seconds; an answer may wait for a free worker.
TIMEOUT = 120.0


class Client:
    """A server and a key; where they are left out, `MASKWRIGHT_URL` and `MASKWRIGHT_KEY`."""

    def __init__(self, url: str | None = None, key: str | None = None, *, retries: int = 4) -> None:
        url = url or os.environ.get("MASKWRIGHT_URL")
        key = key or os.environ.get("MASKWRIGHT_KEY")
        if not url or not key:
            raise ValueError("give a url and a key, or set MASKWRIGHT_URL and MASKWRIGHT_KEY")
        self._http = httpx.Client(
            base_url=url.rstrip("/"), headers={"authorization": f"Bearer {key}"}, timeout=TIMEOUT
        )
        self._retries = retries

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def projects(self) -> Iterator[models.Project]:
        yield from self.rows("/v1/projects")

    def project(self, project_id: str) -> Project:
        """A project by its id. Nothing is asked yet."""
        return Project(self, project_id)

    def create_project(self, name: str, **more: Any) -> Project:
        """`more` is what the API takes beside the name, such as `base_model`."""
        made: models.Project = self.call("POST", "/v1/projects", json={"name": name, **more})
        return Project(self, made["id"])

    def call(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, Any] | None = None,
        content: bytes | None = None,
    ) -> Any:
        """Any call of the API; the answer's JSON. Raises MaskwrightError."""
        return self._send(method, path, json=json, params=_told(params), content=content).json()

    def rows(self, path: str, **params: Any) -> Iterator[Any]:
        """Every row of a list, page by page."""
        cursor: str | None = None
        while True:
            page = self.call("GET", path, params={"limit": 100, **params, "cursor": cursor})
            yield from page["data"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def download(self, path: str, to: str | os.PathLike[str], **params: Any) -> Path:
        """Writes an answer to a file as it comes."""
        target = Path(to)
        with self._http.stream("GET", path, params=_told(params)) as response:
            if response.is_error:
                response.read()
                raise error_of(response)
            with target.open("wb") as file:
                for chunk in response.iter_bytes():
                    file.write(chunk)
        return target

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        # So that what is sent again is carried out once.
        headers = {"idempotency-key": str(uuid.uuid4())} if method == "POST" else {}
        if options.get("content") is not None:
            headers["content-type"] = "application/octet-stream"
        for attempt in range(self._retries + 1):
            last = attempt == self._retries
            try:
                response = self._http.request(method, path, headers=headers, **options)
            except httpx.TransportError:
                if last:
                    raise
                time.sleep(0.5 * 2**attempt)
                continue
            if last or response.status_code not in (429, 503):
                break
            time.sleep(float(response.headers.get("retry-after", 0.5 * 2**attempt)))
        if response.is_error:
            raise error_of(response)
        return response


def _told(params: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (params or {}).items() if value is not None}
