"""A registry in this process that misbehaves on demand, as no real registry can be made to do."""

import json
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, Self

from aiohttp import web

from instep.local.ports import LOOPBACK

Answer = Callable[[web.Request], Awaitable[web.StreamResponse | None]]


class FakeRegistry:
    """Gives out ids from `first` on. An answer of `answer` goes first, unless the answer is None."""

    def __init__(self, first: int = 1, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.next_id = first
        self.texts: dict[int, str] = {}
        self.subjects: dict[str, list[int]] = {}
        self.levels: dict[str, str] = {}
        self.asked: list[str] = []
        self.refused: set[str] = set()
        """Subjects of which no further version is compatible."""
        self.answer: Answer | None = None
        self.url = ""

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[self._first])
        app.router.add_post("/subjects/{subject}", self._look_up)
        app.router.add_post("/subjects/{subject}/versions", self._register)
        app.router.add_post("/compatibility/subjects/{subject}/versions", self._try_out)
        app.router.add_get("/schemas/ids/{id}", self._by_id)
        app.router.add_get("/config/{subject}", self._level)
        app.router.add_put("/config/{subject}", self._set_level)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, LOOPBACK, 0, ssl_context=self._tls)
        await site.start()
        self.url = f"{'https' if self._tls else 'http'}://{LOOPBACK}:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    @property
    def changes(self) -> list[str]:
        """The requests that change something."""
        return [one for one in self.asked if one.startswith("PUT") or one.endswith("/versions")]

    def add(self, subject: str, text: str) -> int:
        for number in self.subjects.get(subject, ()):
            if self.texts[number] == text:
                return number
        self.texts[self.next_id] = text
        self.subjects.setdefault(subject, []).append(self.next_id)
        self.next_id += 1
        return self.next_id - 1

    @web.middleware
    async def _first(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.path}")
        answer = await self.answer(request) if self.answer else None
        return answer or await handler(request)

    async def _look_up(self, request: web.Request) -> web.Response:
        subject, text = request.match_info["subject"], (await request.json())["schema"]
        if subject not in self.subjects:
            return _missing(40401)
        ids = [number for number in self.subjects[subject] if self.texts[number] == text]
        return web.json_response({"id": ids[0]}) if ids else _missing(40403)

    async def _register(self, request: web.Request) -> web.Response:
        subject = request.match_info["subject"]
        if subject in self.refused:
            return web.json_response({"error_code": 409, "message": "incompatible"}, status=409)
        return web.json_response({"id": self.add(subject, (await request.json())["schema"])})

    async def _try_out(self, request: web.Request) -> web.Response:
        subject = request.match_info["subject"]
        if subject not in self.subjects and subject not in self.refused:
            return _missing(40401)
        return web.json_response({"is_compatible": subject not in self.refused})

    async def _by_id(self, request: web.Request) -> web.Response:
        number = int(request.match_info["id"])
        return web.json_response({"schema": self.texts[number]}) if number in self.texts else _missing(40403)

    async def _level(self, request: web.Request) -> web.Response:
        level = self.levels.get(request.match_info["subject"])
        return web.json_response({"compatibilityLevel": level}) if level else _missing(40408)

    async def _set_level(self, request: web.Request) -> web.Response:
        settings: dict[str, Any] = await request.json()
        self.levels[request.match_info["subject"]] = settings["compatibility"]
        return web.json_response(settings)


def _missing(code: int) -> web.Response:
    body = json.dumps({"error_code": code, "message": "not found"})
    return web.Response(status=404, text=body, content_type="application/json")
