"""A server that speaks S3, a port that leads to it or not, and what lies in its buckets."""

import socket
import threading
from collections.abc import Iterator

import pytest

from fourfloor import buckets


class Door:
    """A port through which a server is reached, or not: closed, it hangs up on everyone."""

    def __init__(self, server: tuple[str, int]) -> None:
        self.open, self.refused, self.bytes_let_in, self.bytes_let_out = True, 0, 0, 0
        self._server = server
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            client, _ = self._socket.accept()
            if not self.open:
                self.refused += 1
                client.close()
                continue
            other = socket.create_connection(self._server)
            threading.Thread(target=self._pass_on, args=(client, other, True), daemon=True).start()
            threading.Thread(target=self._pass_on, args=(other, client, False), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, inward: bool) -> None:
        try:
            while self.open and (received := source.recv(2**16)):
                target.sendall(received)
                self.bytes_let_in += len(received) if inward else 0
                self.bytes_let_out += 0 if inward else len(received)
        except OSError:
            pass
        for end in (source, target):
            end.close()


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield Door(server.get_host_and_port())
    server.stop()


@pytest.fixture
def bucket(door: Door, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    import s3fs

    door.open = True
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{door.port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr(buckets, "SHARD_BYTES", 2**18)
    s3fs.S3FileSystem.clear_instance_cache()
    name = f"bucket-{abs(hash(request.node.nodeid))}"
    s3fs.S3FileSystem().mkdir(name)
    return f"s3://{name}/techno"


def objects(url: str) -> dict[str, bytes]:
    import s3fs

    files = s3fs.S3FileSystem()
    files.invalidate_cache()
    return {path.partition("/techno/")[2]: files.cat_file(path) for path in files.find(url)}
