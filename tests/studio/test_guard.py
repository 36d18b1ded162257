"""The guard alone: the token, its cookie, and bodies that stop in the middle."""

import asyncio
from typing import Any

import httpx
import pytest
from starlette.responses import PlainTextResponse

from fourfloor.studio import guard


async def echo(scope: Any, receive: Any, send: Any) -> None:
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    await PlainTextResponse(str(size))(scope, receive, send)


class Visitor:
    """A client of one guarded server; it keeps cookies."""

    def __init__(self, token: str | None = None) -> None:
        self._app = guard.Guard(echo, ["guarded"] if token is None else None, token, "/upload/")
        self._cookies = httpx.Cookies()

    def ask(self, path: str, method: str = "GET", **options: Any) -> Any:
        async def answer() -> Any:
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://guarded", cookies=self._cookies
            ) as client:
                answered = await client.request(method, path, **options)
                self._cookies.update(client.cookies)
                return answered

        return asyncio.run(answer())


def test_the_token_is_asked_for_once() -> None:
    visitor = Visitor("secret")
    assert visitor.ask("/").status_code == 403
    wrong = visitor.ask("/?token=wrong")
    assert (wrong.status_code, "set-cookie" in wrong.headers) == (403, False)
    assert visitor.ask("/?token=secret").status_code == 200
    assert visitor.ask("/").status_code == 200  # by its cookie
    assert Visitor("secret").ask("/", headers={"authorization": "Bearer secret"}).status_code == 200


@pytest.mark.parametrize("token", ["two words; Path=/", "größe ☃", "50%25+x&token=y"])
def test_a_token_is_any_text(token: str) -> None:
    visitor = Visitor(token)
    assert visitor.ask("/", params={"token": token}).status_code == 200
    assert visitor.ask("/").status_code == 200  # by its cookie
    assert visitor.ask("/", params={"token": "wrong"}).status_code == 403


def test_head_is_answered_as_get_without_the_body() -> None:
    visitor = Visitor("secret")
    assert visitor.ask("/", "HEAD").status_code == 403
    told = visitor.ask("/?token=secret", "HEAD")
    assert (told.status_code, told.headers["content-length"], told.content) == (200, "1", b"")


def test_the_cookie_is_for_our_page_alone() -> None:
    cookie = Visitor("secret").ask("/?token=secret").headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie


def test_uploads_alone_may_be_large() -> None:
    large = b"x" * (guard.MAX_BODY + 1)
    assert Visitor().ask("/", "POST", content=large).status_code == 413
    assert Visitor().ask("/", "POST", content=large[1:]).text == str(guard.MAX_BODY)
    assert Visitor().ask("/upload/a", "POST", content=large).text == str(len(large))


def test_a_body_that_stops_in_the_middle_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "BODY_SECONDS", 0.05)
    sent: list[dict[str, Any]] = []
    pieces = iter([{"type": "http.request", "body": b"half", "more_body": True}])

    async def receive() -> Any:
        for piece in pieces:
            return piece
        await asyncio.sleep(60)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/", "query_string": b"", "state": {},
        "headers": [(b"host", b"guarded")],
    }  # fmt: skip
    asyncio.run(guard.Guard(echo, ["guarded"], None, "/upload/")(scope, receive, send))
    assert sent[0]["status"] == 408
