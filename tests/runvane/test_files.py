"""Files by the SDK: kept without waiting, sent by and by, read back as they were."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import runvane
from runvane import _uploads
from runvane._run_files import within
from runvane._transfer import Parcel, Transfers
from tests.flows.server import Server
from tests.runvane.conftest import ran, synced
from tests.runvane.sink import Sink

FILES = """query ($run: String!) { run(runId: $run) { warnings properties
  snapshot { snapshotId fileCount size } files(role: SNAPSHOT) { edges { node { path } } }
  metric(name: "picture") { kind rows { columns { name values } } } } }"""


@pytest.fixture
def up(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server, and a state folder of our own that knows its token."""
    monkeypatch.setenv("RUNVANE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RUNVANE_URL", server.url)
    monkeypatch.setenv("RUNVANE_TOKEN", (server.home / "token").read_text().strip())
    yield server
    _uploads.end(5)


def test_what_was_uploaded_comes_back(up: Server, tmp_path: Path) -> None:
    content = os.urandom(3_000_000)
    (tmp_path / "model.pt").write_bytes(content)
    with runvane.start("files") as run:
        run.upload_file("outputs/model.pt", tmp_path / "model.pt")
        # The copy is what counts.
        (tmp_path / "model.pt").write_bytes(b"changed")
        assert run.flush()
        assert run.file_names() == ["outputs/model.pt"]
        target = run.download_file("outputs/model.pt", tmp_path / "back.pt")
        assert target.read_bytes() == content
        assert run.download_file("outputs/model.pt", tmp_path).name == "model.pt"
    assert not list((tmp_path / "home/uploads").iterdir())


def test_who_waits_is_told_how_far_it_is(up: Server, tmp_path: Path) -> None:
    content = os.urandom(1_000_000)
    (tmp_path / "a").write_bytes(content)
    sent, came, transfers = list[Any](), list[Any](), Transfers()
    with runvane.start("files") as run, (tmp_path / "a").open("rb") as file:
        assert run.flush()
        parcel = Parcel.of(run.id, "a", "artifact", file)
        transfers.upload(parcel, file, told=lambda n, of: sent.append((n, of)))
        transfers.download(run.id, "a", tmp_path / "b", told=lambda n, of: came.append((n, of)))
    transfers.close()
    for told in (sent, came):
        assert told == sorted(told)
        assert len(told) > 2
        assert told[-1] == (len(content), len(content))


def test_who_waits_hears_what_went_wrong(up: Server, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    with runvane.start("files") as run:
        run.upload_file("a", tmp_path / "a", wait=True)
        run.upload_file("a", tmp_path / "a", wait=True)
        (tmp_path / "a").write_bytes(b"2")
        with pytest.raises(runvane.TransferError, match="files never change") as refused:
            run.upload_file("a", tmp_path / "a", wait=True)
        assert refused.value.status == 409
        with pytest.raises(ValueError, match=r"no part .* is \. or \.\."):
            run.upload_file("../a", tmp_path / "a", wait=True)
        with pytest.raises(FileNotFoundError):
            run.upload_file("b", tmp_path / "none", wait=True)
        with pytest.raises(runvane.TransferError, match="has no file none"):
            run.download_file("none", tmp_path / "none")
    assert not (tmp_path / "none").exists()
    assert not list(tmp_path.glob(".*.part"))


def test_who_does_not_wait_goes_on(
    up: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with runvane.start("files") as run:
        run.upload_file("../a", tmp_path / "a")
        run.upload_file("b", tmp_path / "none")
        run.upload_folder("c", tmp_path / "none")
        assert run.flush()
    said = capsys.readouterr().err
    assert "../a was not logged" in said
    assert "No such file" in said
    warnings = up.ask(FILES, run=run.id)["run"]["warnings"]
    assert len(warnings) == 3


def test_folders_go_up_and_come_down(up: Server, tmp_path: Path) -> None:
    for name in ("a.txt", "deep/b.txt", "deep/er/c d.txt"):
        (tmp_path / "out" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "out" / name).write_text(name)
    (tmp_path / "out/link").symlink_to("/etc/passwd")
    with runvane.start("files") as run:
        run.upload_folder("outputs", tmp_path / "out")
        assert run.flush()
        names = ["outputs/a.txt", "outputs/deep/b.txt", "outputs/deep/er/c d.txt"]
        assert sorted(run.file_names("outputs/")) == names
        run.download_files("outputs/", tmp_path / "back")
        assert (tmp_path / "back/outputs/deep/er/c d.txt").read_text() == "deep/er/c d.txt"
        run.download_files("outputs/", tmp_path / "flat", append_prefix=False)
        assert (tmp_path / "flat/deep/b.txt").read_text() == "deep/b.txt"


def test_nothing_is_written_outside_of_where_it_should_go(tmp_path: Path) -> None:
    (tmp_path / "top").mkdir()
    (tmp_path / "top/out").symlink_to(tmp_path)
    for name in ("../x", "/etc/x", "a/../../x", "out/x", "a\\..\\x", "c:x", "a\0", ""):
        with pytest.raises(ValueError, match=r"."):
            within(tmp_path / "top", name)
    assert within(tmp_path / "top", "a/b") == tmp_path / "top/a/b"


class Plot:
    def savefig(self, file: Any, format: str) -> None:  # noqa: A002 - matplotlib's name for it
        file.write(b"\x89PNG\r\n\x1a\n")


def test_pictures_are_a_metric_of_paths(up: Server, tmp_path: Path) -> None:
    (tmp_path / "p.jpg").write_bytes(b"\xff\xd8\xff")
    with runvane.start("files") as run:
        run.log_image("picture", plot=Plot())
        run.log_image("picture", path=tmp_path / "p.jpg")
        run.log_image("picture", plot=Plot())
        run.log_image("picture")
        assert run.flush()
        kept = run.file_names("picture_")
    assert len(kept) == 3
    up.await_points(run.id, "picture", 3)
    found = up.ask(FILES, run=run.id)["run"]
    assert found["metric"]["kind"] == "IMAGE"
    (values,) = [each["values"] for each in found["metric"]["rows"]["columns"]]
    assert sorted(values) == sorted(kept)
    assert ["either a path or a plot" in each for each in found["warnings"]] == [True]


def test_a_snapshot_is_what_the_ignore_file_leaves(up: Server, tmp_path: Path) -> None:
    code = tmp_path / "code"
    for name, text in {
        "train.py": "print()", "lib/net.py": "x", "data/big.bin": "0", ".gitignore": "*.py",
        ".amlignore": "data/\n*.log\n", "a.log": "", ".git/config": "",
    }.items():  # fmt: skip
        (code / name).parent.mkdir(parents=True, exist_ok=True)
        (code / name).write_text(text)
    with runvane.start("files") as run:
        taken = run.take_snapshot(code)
        assert run.flush()
        assert run.file_names() == []
    with runvane.start("files") as other:
        assert other.take_snapshot(code) == taken
    found = up.ask(FILES, run=run.id)["run"]
    assert found["snapshot"] == {"snapshotId": taken, "fileCount": 4, "size": 24}
    assert found["properties"]["ContentSnapshotId"] == taken
    paths = {edge["node"]["path"] for edge in found["files"]["edges"]}
    assert ".snapshot/lib/net.py" in paths
    assert ".snapshot/data/big.bin" not in paths


def test_a_file_kept_without_a_server_is_sent_by_the_next_process(
    up: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_bytes(b"1")
    monkeypatch.setenv("RUNVANE_URL", "http://127.0.0.1:9")
    code = f"""
        import runvane
        run = runvane.start("files", id="away")
        run.upload_file("a", "{tmp_path}/a")
        import os; os._exit(0)
        """
    ran(code)
    assert len(_uploads.items(tmp_path / "home/uploads")) == 1
    assert "kept" in synced(status=1)
    # It waits for the server that it was meant for.
    (item,) = _uploads.items(tmp_path / "home/uploads")
    told = json.loads((item / "parcel.json").read_text())
    (item / "parcel.json").write_text(json.dumps({**told, "server": up.url}))
    monkeypatch.setenv("RUNVANE_URL", up.url)
    assert "run away: a: sent" in synced()
    assert "nothing is left" in synced()
    assert up.page("/files/runs/away/a") == "1"


def test_what_the_server_refuses_is_kept_aside_and_said(
    up: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "b").write_bytes(b"2")
    with runvane.start("files") as run:
        run.upload_file("a", tmp_path / "a")
        run.upload_file("a", tmp_path / "b")
        assert run.flush()
    assert "files never change" in capsys.readouterr().err
    assert "refused, kept in" in synced(status=1)
    assert up.page(f"/files/runs/{run.id}/a") == "1"


ENDS = """
    import runvane
    run = runvane.start("files", id="short")
    for name in ("a", "b", "c"):
        run.upload_file(name, "pyproject.toml")
    """


def test_a_script_that_ends_at_once_leaves_no_file_behind(home: Path, sink: Sink) -> None:
    """Though the server is slow to begin its run, of which it takes no files before."""
    sink.late = True
    assert "files wait" not in ran(ENDS)
    assert not _uploads.items(home / "uploads")


def test_a_script_ends_soon_where_its_files_are_not_taken_and_keeps_them(
    home: Path, sink: Sink
) -> None:
    """It tries no more than it must, to know that."""
    sink.takes_no_files = True
    assert "files wait" in ran(ENDS)
    assert len(_uploads.items(home / "uploads")) == 3
    assert 2 <= len(sink.files) <= 5


def test_what_was_sent_and_half_put_away_keeps_nobody_back(home: Path, sink: Sink) -> None:
    sink.takes_no_files = True
    ran(ENDS)
    (_uploads.items(home / "uploads")[0] / "content").unlink()
    sink.takes_no_files = False
    assert synced().count(": sent") == 3
    assert not _uploads.items(home / "uploads")
