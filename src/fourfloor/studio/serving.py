"""A library -> a page at an address of this machine, until a signal stops it."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType
from urllib.parse import quote

import uvicorn

from fourfloor.arguments import refuse_address
from fourfloor.errors import FourfloorError
from fourfloor.studio.app import make_app
from fourfloor.studio.blind import BlindTest
from fourfloor.studio.collection import Library
from fourfloor.studio.events import Events
from fourfloor.studio.streams import Streams

PORT = 8137
LOOPBACK = ("127.0.0.1", "localhost", "::1")
ANSWERS = "blind.csv"  # in the library
SECONDS_TO_CLOSE = 3  # for answers on their way; the workers get longer


def serve(
    library: Path, port: int = PORT, host: str = LOOPBACK[0], token: str | None = None,
    on_ready: Callable[[str], object] = lambda address: None, compared: tuple[Path, Path] | None = None,
    shared: bool = False,
) -> None:  # fmt: skip
    """Serve a library until a signal stops it; `on_ready` gets the address to open. `compared` are two
    folders of loops for a blind test. With `shared` pages of live coding may read loved loops.

    On another host than this machine's own a token is asked for. FourfloorError where the port or folder is taken.
    """
    refuse_address(library)
    outside = host not in LOOPBACK
    if outside and not token:
        remedy = f"add --token {secrets.token_urlsafe(12)}, or leave out --host"
        raise FourfloorError(f"--host {host}: other machines could use the studio without a token; {remedy}")
    listening = _listen(host, port)
    port = listening.getsockname()[1]
    hosts = None if outside else [f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")]
    opened = Library(Path(os.path.expanduser(library)).absolute())
    try:
        test = BlindTest(*compared, opened.folder / ANSWERS) if compared else None
        app = make_app(opened, hosts, token, test, shared=shared)
        config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=SECONDS_TO_CLOSE, access_log=False)
        name = f"[{host}]" if ":" in host else host
        query = f"?token={quote(token, safe='')}" if token else ""
        on_ready(f"http://{name}:{port}/{'blind' if test else ''}{query}")
        _Server(config, app.state.endless).run(sockets=[listening])
    finally:
        opened.close()


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(256)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FourfloorError(f"{host}:{port}: cannot be served ({reason}); choose another --port") from None
    return listening


class _Server(uvicorn.Server):
    """End the answers that have no end when a signal comes: open pages would hold the server back."""

    def __init__(self, config: uvicorn.Config, endless: Iterable[Events | Streams]) -> None:
        super().__init__(config)
        self._endless = endless

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        for answers in self._endless:
            answers.close()
        super().handle_exit(sig, frame)
