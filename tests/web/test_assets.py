"""The bundle over HTTP: a fixed table, packed ahead of time."""

import gzip
import json

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from web.assets import FOLDER, Assets, manifest
from web.routes import Page


@pytest.fixture
def client() -> TestClient:
    return TestClient(
        Starlette(routes=[Page("/static/{path:path}", Assets(FOLDER), name="static", needs=None)])
    )


def test_the_manifest_names_what_a_page_needs() -> None:
    assert set(manifest()["files"]) >= {
        "app.js",
        "app.css",
        "geist.woff2",
        "geist-mono.woff2",
        "vane.svg",
    }


@pytest.mark.parametrize(
    ("asked", "encoding"),
    [
        ("br, gzip", "br"),
        ("gzip, deflate", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("br;q=0.0, gzip;q=0.5", "gzip"),
        ("identity", None),
        ("", None),
    ],
)
def test_a_browser_gets_the_best_packing_it_takes(
    client: TestClient, asked: str, encoding: str | None
) -> None:
    name = manifest()["files"]["app.js"]
    with client.stream("GET", f"/static/{name}", headers={"accept-encoding": asked}) as reply:
        raw = b"".join(reply.iter_raw())
    assert reply.headers.get("content-encoding") == encoding
    assert reply.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert reply.headers["vary"] == "Accept-Encoding"
    if encoding == "gzip":
        raw = gzip.decompress(raw)
    if encoding != "br":
        assert raw == (FOLDER / name).read_bytes()


@pytest.mark.parametrize(
    "path",
    [
        "../app.py",
        "%2e%2e/app.py",
        "..%2fapp.py",
        "%2e%2e%2f%2e%2e%2fapp.py",
        "/etc/passwd",
        "manifest.json",
        "app.js",
        "",
        ".",
    ],
)
def test_a_path_leads_nowhere_but_to_the_table(client: TestClient, path: str) -> None:
    assert client.get(f"/static/{path}").status_code in (404, 405)


def test_packed_files_have_no_names_of_their_own(client: TestClient) -> None:
    name = manifest()["files"]["app.js"]
    assert client.get(f"/static/{name}.br").status_code == 404


def test_nothing_of_a_registry_is_in_the_lock() -> None:
    lock = (FOLDER.parent.parent / "package-lock.json").read_text()
    packages = json.loads(lock)["packages"]
    assert not [name for name, each in packages.items() if "resolved" in each]
    assert all("integrity" in each for name, each in packages.items() if name)
