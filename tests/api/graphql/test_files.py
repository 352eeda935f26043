"""What GraphQL says of the files of runs."""

import hashlib
from typing import Any

from starlette.testclient import TestClient

from tests.conftest import Writer, ask, data

FILES = """query ($run: String!, $prefix: String! = "", $role: FileRole, $first: Int! = 100,
  $after: String) { run(runId: $run) { version snapshot { snapshotId fileCount size url }
  files(prefix: $prefix, role: $role, first: $first, after: $after) {
    edges { node { path role size sha256 createdAt contentType url } }
    pageInfo { hasNextPage endCursor } } } }"""


def upload(client: TestClient, path: str, content: bytes, role: str = "artifact") -> str:
    digest = hashlib.sha256(content).hexdigest()
    asked = {"sha256": digest, "size": len(content), "role": role, "offset": 0}
    reply = client.patch(f"/files/uploads/r1/{path}", params=asked, content=content)
    assert reply.status_code == 200, reply.text
    return digest


def files(client: TestClient, **asked: Any) -> Any:
    return data(client, FILES, run="r1", **asked)["run"]


def paths(found: Any) -> list[str]:
    return [edge["node"]["path"] for edge in found["files"]["edges"]]


def test_a_file_says_what_it_is_and_where_its_bytes_are(client: TestClient, writer: Writer) -> None:
    digest = upload(client, "outputs/a b.png", b"12345", "image")
    (edge,) = files(client)["files"]["edges"]
    node = edge["node"]
    assert node.pop("createdAt").endswith("Z")
    assert node == {
        "path": "outputs/a b.png",
        "role": "IMAGE",
        "size": 5,
        "sha256": digest,
        "contentType": "image/png",
        "url": "/files/runs/r1/outputs/a%20b.png",
    }
    assert client.get(node["url"]).content == b"12345"


def test_files_are_asked_for_by_prefix_and_role_page_by_page(
    client: TestClient, writer: Writer
) -> None:
    for name in ("outputs/1", "outputs/2", "outputs/3", "logs/1", "outputs_of_others"):
        upload(client, name, name.encode())
    upload(client, "images/1.png", b"x", "image")
    upload(client, ".snapshot/train.py", b"x", "snapshot")
    assert paths(files(client, prefix="outputs/")) == ["outputs/1", "outputs/2", "outputs/3"]
    assert paths(files(client, role="IMAGE")) == ["images/1.png"]
    assert paths(files(client, role="SNAPSHOT")) == [".snapshot/train.py"]
    seen: list[str] = []
    after: str | None = None
    while True:
        found = files(client, first=2, after=after)
        seen += paths(found)
        after = found["files"]["pageInfo"]["endCursor"]
        if not found["files"]["pageInfo"]["hasNextPage"]:
            break
    assert sorted(seen) == sorted(paths(files(client)))
    assert len(seen) == 6
    wrong = ask(client, FILES, run="r1", prefix="../x")
    assert wrong["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


def test_a_snapshot_is_there_once_its_list_is(client: TestClient, writer: Writer) -> None:
    upload(client, ".snapshot/train.py", b"print()", "snapshot")
    upload(client, ".snapshot/lib/net.py", b"x", "snapshot")
    assert files(client)["snapshot"] is None
    digest = upload(client, ".snapshot.json", b"[]", "snapshot")
    assert files(client)["snapshot"] == {
        "snapshotId": digest,
        "fileCount": 2,
        "size": 8,
        "url": "/files/archives/r1?role=snapshot",
    }


def test_a_file_that_lands_is_a_change_of_its_run(client: TestClient, writer: Writer) -> None:
    before = files(client)["version"]
    upload(client, "a", b"1")
    assert files(client)["version"] == before + 1
    upload(client, "a", b"1")
    assert files(client)["version"] == before + 1
