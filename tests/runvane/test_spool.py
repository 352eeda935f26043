"""The files that a script leaves: whole, private, bounded, and sent by whoever finds them."""

import os
import resource
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import runvane
from api.records import RunStatus
from runvane import wire
from runvane._outbox import Outbox
from tests.runvane.conftest import batches_in, ran, spools, synced
from tests.runvane.sink import Sink

FIVE_LINES = """
    import runvane
    run = runvane.start("my-first-experiment", params={"lr": 0.01}, id="first")
    for step in range(100):
        run.log("loss", 1 / (step + 1))
    run.complete()
"""


def test_the_five_lines_of_the_first_page_work_as_printed(sink: Sink, home: Path) -> None:
    said = ran(FIVE_LINES)
    assert sink.values("first", "loss") == [1 / (step + 1) for step in range(100)]
    assert sink.status("first") == "Completed"
    assert said.startswith("runvane: watch my-first-experiment at http://127.0.0.1:")
    assert said.count("\n") == 1
    assert spools(home) == []


def test_a_torn_tail_is_skipped_wherever_it_is_torn(home: Path) -> None:
    run = runvane.Run("torn", id="torn")
    run.log("loss", 0.5)
    run.log({"loss": 0.25, "acc": 1})
    [spool] = spools(home)
    path = spool / "000000.records"
    whole = path.read_bytes()
    words = wire.words_of(whole)
    places = wire.walk(words)[0]
    head = (words[0] & wire.WORDS_MASK) * wire.WORD_BYTES
    rows = [at for at in places if wire.kind_of(words[at]) == wire.ROW]
    row_ends = [(at + (words[at] & wire.WORDS_MASK)) * wire.WORD_BYTES for at in rows]
    for length in range(head, len(whole) + 1):
        copy = home / "torn" / spool.name
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(spool, copy)
        os.truncate(copy / path.name, length)
        blocks = [block for batch in batches_in(copy) for block in batch.blocks]
        points = [value for block in blocks for value in block.columns["value"].tolist()]
        whole_rows = sum(end <= length for end in row_ends)
        assert points == [0.5, 0.25, 1][:whole_rows]
    run.complete()


def test_what_a_kill_left_of_a_spool_that_was_sent_is_no_spool(sink: Sink, home: Path) -> None:
    ran(FIVE_LINES)
    cut = home / "spool" / ("c" * 32)
    cut.mkdir()
    (cut / "000000.records").write_bytes(b"the rest of what was sent")
    others = home / "spool" / "mail"
    others.mkdir()
    (others / "inbox").touch()
    said = synced()
    assert said == "nothing is left to send\n"
    assert not cut.exists()
    assert (others / "inbox").exists()


def test_a_batch_has_the_same_bytes_whoever_sends_it_and_whatever_is_logged_since(
    home: Path,
) -> None:
    run = runvane.Run("fixed", id="fixed")
    run.log("loss", 0.5)
    [spool] = spools(home)
    copy = home / "copy" / spool.name
    shutil.copytree(spool, copy)
    first = Outbox(copy)
    first.acknowledge()
    fixed = first.batch()
    first.close()
    run.log("loss", 0.25)
    run.log("acc", 1)
    shutil.copy(spool / "000000.records", copy)
    second = Outbox(copy)
    assert second.batch() == fixed
    second.acknowledge()
    assert second.batch() != fixed
    second.close()
    run.complete()


def test_no_thread_runs_while_a_record_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "records"
    script = f"""
import os, sys, threading, time
from runvane import _files
file = os.open({str(path)!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
turns = 0
def wait():
    global turns
    while True:
        time.sleep(0)
        turns += 1
# Nobody is told to let others run.
sys.setswitchinterval(60)
threading.Thread(target=wait, daemon=True).start()
time.sleep(0.05)
before = turns
for _ in range(5000):
    _files.append(file, b"record")
print(turns - before, file=sys.stderr)
"""
    assert ran(script).split() == ["0"]
    assert path.read_bytes() == b"record" * 5000


def test_only_one_process_holds_a_spool(home: Path) -> None:
    run = runvane.Run("held")
    [spool] = spools(home)
    with pytest.raises(BlockingIOError):
        Outbox(spool)
    assert "in use by its process" in synced(status=1)
    run.complete()


def test_spools_are_private_whatever_the_umask(home: Path) -> None:
    ran(f"import os; os.umask(0)\n{FIVE_LINES}".replace("\n    ", "\n"))
    ran(f"import os; os.umask(0o777)\n{FIVE_LINES}".replace("\n    ", "\n").replace("first", "b"))
    folders = [home, home / "spool", *spools(home)]
    assert len(folders) == 4
    for folder in folders:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        for file in folder.iterdir():
            assert file.is_dir() or stat.S_IMODE(file.stat().st_mode) == 0o600


def test_files_follow_each_other_and_each_defines_its_own_shapes(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runvane._spool.FILE_BYTES_MAX", wire.RECORD_BYTES_MAX + 2000)
    run = runvane.Run("rows")
    for step in range(300):
        run.log("loss", float(step))
        run.log({"a": step, "b": 0.5})
    [spool] = spools(home)
    assert len(list(spool.glob("*.records"))) > 5
    batches = batches_in(spool)
    blocks = [block for batch in batches for block in batch.blocks]
    losses = [v for b in blocks if b.name == "loss" for v in b.columns["value"].tolist()]
    assert losses == [float(step) for step in range(300)]
    assert [v for b in blocks if b.name == "a" for v in b.columns["value"].tolist()] == list(
        range(300)
    )
    run.complete()


def test_beyond_the_cap_points_are_dropped_and_counted_on_the_run(
    home: Path, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = os.environ["RUNVANE_URL"]
    monkeypatch.setenv("RUNVANE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("RUNVANE_SPOOL_BYTES_MAX", "50000")
    said = ran("""
        import runvane
        with runvane.Run("cap", id="cap") as run:
            for step in range(5000):
                run.log("loss", 0.5)
            run.log_columns({"bulk": [0.5] * 1000})
    """)
    assert said.count("points are dropped: the spool has reached 50,000 bytes") == 1
    monkeypatch.setenv("RUNVANE_URL", url)
    synced()
    kept = len(sink.values("cap", "loss")) + len(sink.values("cap", "bulk"))
    assert 0 < kept < 2000
    assert kept + sink.dropped("cap") == 6000
    assert sink.status("cap") == "Completed"


def test_a_full_disk_raises_nothing_and_is_counted(sink: Sink) -> None:
    """A limit on the size of a file: `write` fails, or takes a part."""
    script = """
import runvane, time
with runvane.Run("full", id="full") as run:
    for step in range(3001):
        run.log("loss", float(step))
    time.sleep(0.3)
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        check=False, capture_output=True, text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50_001, 50_001)),
    )  # fmt: skip
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    kept = sink.values("full", "loss")
    assert kept == [float(step) for step in range(len(kept))]
    assert 0 < len(kept) < 3001
    assert len(kept) + sink.dropped("full") == 3001
    assert sink.status("full") == "Completed"


def test_a_disk_that_has_room_again_is_written_to_where_it_stopped(sink: Sink) -> None:
    ran("""
        import resource, runvane
        with runvane.Run("room", id="room") as run:
            for size in (20_001, 30_002, 40_003, resource.RLIM_INFINITY):
                resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
                for step in range(1000):
                    run.log("loss", float(step))
    """)
    kept = sink.values("room", "loss")
    assert kept[-1000:] == [float(step) for step in range(1000)]
    assert len(kept) + sink.dropped("room") == 4000


@pytest.mark.parametrize("home_is", ["a file", "read-only", "nothing"])
def test_without_a_state_folder_training_goes_on_and_is_sent_all_the_same(
    sink: Sink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home_is: str
) -> None:
    place = tmp_path / "place"
    if home_is == "a file":
        place.write_text("")
    monkeypatch.setenv("RUNVANE_HOME", "/proc/nothing" if home_is == "read-only" else str(place))
    if home_is == "nothing":
        monkeypatch.delenv("RUNVANE_HOME")
        monkeypatch.delenv("XDG_DATA_HOME", raising=False)
        monkeypatch.setenv("HOME", "/proc/nothing")
    said = ran(FIVE_LINES)
    assert sink.values("first", "loss") == [1 / (step + 1) for step in range(100)]
    assert sink.status("first") == RunStatus.COMPLETED.value
    assert said.count("cannot be written") == 1
    assert said.count("\n") == 2


def test_a_spool_that_is_removed_under_a_run_stops_nothing(sink: Sink, home: Path) -> None:
    said = ran("""
        import os, runvane, shutil
        with runvane.Run("removed") as run:
            run.log("loss", 0.5)
            run.flush(5)
            shutil.rmtree(os.environ["RUNVANE_HOME"] + "/spool")
            for step in range(1000):
                run.log("loss", 0.5)
        with runvane.Run("after", id="after") as run:
            run.log("loss", 0.5)
    """)
    assert "Traceback" not in said
    assert sink.values("after", "loss") == [0.5]
