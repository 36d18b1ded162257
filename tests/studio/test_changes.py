"""Changes of a library by several at once, and on a disk that takes none."""

import asyncio
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from fourfloor.errors import FourfloorError
from fourfloor.studio import loops, uploads
from fourfloor.studio.collection import Library


def visitor(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://studio")


def test_pages_learn_of_changes_in_the_order_in_which_they_are_made(tmp_path: Path) -> None:
    library, app, told = Library(tmp_path), FastAPI(), list[str]()
    library.add_loop({"id": "a-0", "title": "first", "bpm": 126.0, "bars": 4})

    def tell(kind: str, content: dict[str, Any]) -> None:
        if content["title"] == "second":
            time.sleep(0.2)
        told.append(content["title"])

    loops.add_routes(app, library, tell)

    async def rename(title: str) -> None:
        async with visitor(app) as client:
            (await client.patch("/api/loops/a-0", json={"title": title})).raise_for_status()

    async def both() -> None:
        second = asyncio.create_task(rename("second"))
        await asyncio.sleep(0.1)
        await asyncio.gather(second, rename("third"))

    asyncio.run(both())
    assert told == ["second", library.loop("a-0")["title"]] == ["second", "third"]
    library.close()


def test_an_upload_that_the_disk_does_not_take_is_one_line(tmp_path: Path) -> None:
    app = FastAPI()
    uploads.add_routes(app, tmp_path)
    (tmp_path / "uploads").write_text("in the way")

    async def upload() -> None:
        async with visitor(app) as client:
            await client.put("/api/uploads/mine/a.wav", content=b"RIFF")

    with pytest.raises(FourfloorError, match=r"a\.wav: cannot be kept in .*; free space") as told:
        asyncio.run(upload())
    assert "\n" not in str(told.value)


def test_a_file_that_is_renamed_meanwhile_takes_no_room(tmp_path: Path) -> None:
    (tmp_path / "gone").symlink_to(tmp_path / "nothing")
    assert uploads._room(tmp_path) > 0
