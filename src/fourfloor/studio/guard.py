"""What every request must pass before the studio looks at it, and what every answer carries."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, quote, unquote

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 64 * 1024  # of a request that is not an upload
MAX_RANGES = 4
BODY_SECONDS = 20.0  # without a byte of a body that was announced
COOKIE = "fourfloor"
POLICY = (
    "default-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' blob: data:; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Guard:
    """Refuse what comes from another page, another name of this machine, without the token, or too large.

    `hosts` are the values of the Host header that are answered, a name with its port. `token` is asked for where the
    studio can be reached from other machines: once in the address, then in a cookie.
    """

    def __init__(
        self, app: ASGIApp, hosts: Iterable[str] | None, token: str | None, upload_path: str, open_path: str = ""
    ) -> None:
        self._app, self._token, self._upload_path, self._open_path = app, token, upload_path, open_path
        self._hosts = None if hosts is None else {host.lower() for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        nonce = scope.setdefault("state", {})["nonce"] = secrets.token_urlsafe(16)
        send = _with_headers(send, nonce, self._cookie(scope))
        if scope["method"] == "HEAD":
            scope, send = {**scope, "method": "GET"}, _without_body(send)
        refusal = self._refusal(scope, headers)
        if refusal:
            await refusal(scope, receive, send)
            return
        if scope["path"].startswith(self._upload_path):
            await self._app(scope, _patient(receive), send)
            return
        try:
            whole = await _whole_body(receive)
        except HTTPException as error:
            await _refused(error.detail, error.status_code)(scope, receive, send)
            return
        await self._app(scope, _again(whole, receive), send)

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> JSONResponse | None:
        host, origin = headers.get("host", "").lower(), headers.get("origin", "").lower()
        if self._hosts is not None and host not in self._hosts:
            return _refused("This address is not served.", 403)
        is_open = self._open_path and scope["method"] == "GET" and scope["path"].startswith(self._open_path)
        if origin and origin not in (f"http://{host}", f"https://{host}") and not is_open:
            return _refused("Requests from other pages are refused.", 403)
        if self._token and not secrets.compare_digest(_token_of(scope, headers).encode(), self._token.encode()):
            return _refused("Open the address with the token that the terminal shows.", 403)
        if headers.get("range", "").count(",") >= MAX_RANGES:
            return _refused("Too many ranges.", 416)
        length = headers.get("content-length", "0")
        if not scope["path"].startswith(self._upload_path) and (not length.isdigit() or int(length) > MAX_BODY):
            return _refused(f"At most {MAX_BODY} bytes.", 413)
        return None

    def _cookie(self, scope: Scope) -> str | None:
        given = _query(scope, "token")
        return given if self._token and secrets.compare_digest(given.encode(), self._token.encode()) else None


def _refused(why: str, status: int) -> JSONResponse:
    return JSONResponse({"detail": why}, status)


def _without_body(send: Send) -> Send:
    """Return a `send` that ends an answer after its headers: a stream that never ends would hold a HEAD open."""
    ended = False

    async def headers_only(message: Message) -> None:
        nonlocal ended
        if message["type"] == "http.response.start":
            await send(message)
        elif not ended:
            ended = True
            await send({"type": "http.response.body", "body": b""})

    return headers_only


def _patient(receive: Receive) -> Receive:
    """Return a `receive` that gives up, with 408, a body that stops in the middle."""
    complete = False

    async def patient() -> Message:
        nonlocal complete
        if complete:  # what is waited for now is that the client leaves
            return await receive()
        try:
            message = await asyncio.wait_for(receive(), BODY_SECONDS)
        except TimeoutError:
            raise HTTPException(408, "The request stopped in the middle.") from None
        complete = not message.get("more_body", False)
        return message

    return patient


async def _whole_body(receive: Receive) -> bytes:
    """Read a small body; HTTPException where it is large or stops."""
    receive, whole, more = _patient(receive), b"", True
    while more:
        message = await receive()
        whole, more = whole + message.get("body", b""), message.get("more_body", False)
        if len(whole) > MAX_BODY:
            raise HTTPException(413, f"At most {MAX_BODY} bytes.")
    return whole


def _again(whole: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives a body that was read, then what follows it."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": whole, "more_body": False}

    return again


def _with_headers(send: Send, nonce: str, cookie: str | None) -> Send:
    extra = {
        "content-security-policy": POLICY.format(nonce=nonce), "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer", "cross-origin-resource-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin", "permissions-policy": "camera=(), microphone=(), geolocation=()",
    }  # fmt: skip
    if cookie:
        extra["set-cookie"] = f"{COOKIE}={quote(cookie, safe='')}; HttpOnly; SameSite=Strict; Path=/"

    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            added = [(name.encode(), value.encode("latin-1")) for name, value in extra.items()]
            message = {**message, "headers": [*message.get("headers", []), *added]}
        await send(message)

    return with_headers


def _token_of(scope: Scope, headers: dict[str, str]) -> str:
    bearer = headers.get("authorization", "").removeprefix("Bearer ").strip()
    cookies: SimpleCookie = SimpleCookie()
    with contextlib.suppress(CookieError):  # no cookie of ours
        cookies.load(headers.get("cookie", ""))
    return _query(scope, "token") or bearer or (unquote(cookies[COOKIE].value) if COOKIE in cookies else "")


def _query(scope: Scope, name: str) -> str:
    return parse_qs(scope["query_string"].decode("latin-1")).get(name, [""])[0]
