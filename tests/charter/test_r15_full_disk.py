"""R15: a disk without room takes no file by half; once there is room the upload goes on."""

import asyncio
import hashlib
import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from runvane import TransferError
from runvane._transfer import Parcel, Transfers
from tests.charter.disks import Disk, mounted
from tests.charter.figures import Figures
from tests.charter.test_r15_uploads import START, got, posted, swept
from tests.flows.server import Server

SIZE = 8 * 1024**2
LEFT = (4 * 1024**2, SIZE + 64 * 1024)


@pytest.fixture
def disk() -> Iterator[Disk]:
    with mounted() as disk:
        yield disk


@pytest.mark.parametrize("left", LEFT, ids=["without room", "filled meanwhile"])
def test_a_full_disk_takes_no_file_by_half(
    disk: Disk, left: int, figures: Figures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite, which shares the disk with the files; on PostgreSQL it is its own."""
    server = Server(disk.folder, None)
    server.start()
    monkeypatch.setenv("RUNVANE_HOME", str(server.home))
    posted(server, {"run": "r15", "writer": "w", "seq": 0, "events": [START]})
    content = os.urandom(SIZE)
    file = io.BytesIO(content)
    parcel = Parcel.of("r15", "model.bin", "artifact", file)
    transfers = Transfers(server.url)
    disk.fill(left)
    with pytest.raises(TransferError) as refused:
        # Beside it, somebody else takes what was free when it began.
        transfers.upload(parcel, Filling(content, disk), patience_s=1)
    figures.record(
        "status of an upload without room", refused.value.status, at_most=507, at_least=507
    )
    figures.record("partial files seen", got(server, "model.bin")[0] == 200, at_most=0)
    disk.empty()
    transfers.upload(parcel, file, patience_s=30)
    transfers.close()
    came = got(server, "model.bin")[1]
    figures.cases = 1
    figures.record("files that differ", came != hashlib.sha256(content).hexdigest(), at_most=0)
    server.stop()
    figures.record("leftovers after a sweep", asyncio.run(swept(server, None)), at_most=0)


class Filling(io.BytesIO):
    """A file during whose upload the disk gets full."""

    def __init__(self, content: bytes, disk: Disk) -> None:
        super().__init__(content)
        self._disk = disk

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() >= SIZE // 2:
            self._disk.fill(0)
        return super().read(size)
