"""Each answer of the batch protocol, and what the sender does with it."""

import os
from pathlib import Path

import pytest

from api.records import Heartbeat, Start
from runvane._connection import Server
from runvane._outbox import Outbox
from runvane._sender import Verdict, deliver
from tests.runvane.conftest import free_port, ran, spools, started, synced
from tests.runvane.sink import Reply, Sink, serving

SCRIPT = """
    import runvane
    with runvane.start("answers", id="r") as run:
        run.log("loss", 0.5)
        run.flush(5)
        for step in range(3):
            run.log("loss", float(step))
"""
ALL = [0.5, 0.0, 1.0, 2.0]


@pytest.fixture
def waiting(sink: Sink, home: Path, monkeypatch: pytest.MonkeyPatch) -> Outbox:
    """A spool that a killed script left: its start, and one batch."""
    url = os.environ["RUNVANE_URL"]
    monkeypatch.setenv("RUNVANE_URL", "http://127.0.0.1:1")
    ran("""
        import os, runvane
        run = runvane.Run("answers", id="r")
        run.log("loss", 0.5)
        os._exit(0)
    """)
    monkeypatch.setenv("RUNVANE_URL", url)
    [spool] = spools(home)
    return Outbox(spool)


def test_the_first_batch_is_the_start_alone_and_the_first_beat_comes_soon(sink: Sink) -> None:
    ran(SCRIPT)
    first, *others = sink.of("r")
    assert [type(event) for event in first.events] == [Start]
    assert first.seq == 0
    assert not first.blocks
    assert [batch.seq for batch in others] == list(range(1, len(others) + 1))
    assert {batch.writer for batch in others} == {first.writer}
    assert len(sink.events("r", Heartbeat)) == 1
    assert sink.values("r", "loss") == ALL


@pytest.mark.parametrize("status", [408, 429, 500, 503, 507])
def test_what_cannot_be_taken_now_is_sent_again_with_the_same_bytes(
    sink: Sink, status: int
) -> None:
    sink.replies = [Reply(status, {"error": "not now"}, {"retry-after": "0"})] * 2
    assert "not now" not in ran(SCRIPT)
    assert sink.bodies[0] == sink.bodies[1] == sink.bodies[2]
    assert sink.values("r", "loss") == ALL


def test_a_seeded_training_draws_the_same_numbers_beside_a_sender_that_fails(sink: Sink) -> None:
    sink.replies = [Reply(503, {"error": "not now"})] * 2
    ran("""
        import random, runvane
        random.seed(7)
        before = random.getstate()
        with runvane.start("seeded", id="r") as run:
            run.log("loss", 0.5)
            run.flush(5)
        assert random.getstate() == before
    """)
    assert sink.values("r", "loss") == [0.5]


def test_a_server_that_says_when_is_not_asked_before(sink: Sink, waiting: Outbox) -> None:
    sink.replies = [Reply(503, {"error": "busy"}, {"retry-after": "7"})]
    server = Server()
    verdict, answer = deliver(waiting, server)
    server.close()
    assert verdict is Verdict.LATER
    assert answer
    assert answer.retry_after_s == 7
    waiting.close()


@pytest.mark.parametrize(
    ("status", "hint"),
    [(401, "RUNVANE_TOKEN"), (403, "RUNVANE_TOKEN"), (421, "RUNVANE_URL"), (404, "RUNVANE_URL")],
)
def test_what_a_setting_would_cure_is_said_once_and_kept(
    sink: Sink, status: int, hint: str
) -> None:
    sink.replies = [Reply(status, {"error": "so not"})] * 2
    said = ran(SCRIPT)
    assert said.count("so not") == 1
    assert f"set {hint}" in said
    assert sink.values("r", "loss") == ALL


def test_an_answer_that_is_no_acknowledgement_removes_nothing(sink: Sink, waiting: Outbox) -> None:
    sink.replies = [Reply(200, {"hello": "another program"}), Reply(200, {"acked_through": -1})]
    server = Server()
    assert deliver(waiting, server)[0] is Verdict.LATER
    assert deliver(waiting, server)[0] is Verdict.LATER
    assert waiting.mark.seq == 0
    assert deliver(waiting, server)[0] is Verdict.SENT
    server.close()
    waiting.close()


@pytest.mark.parametrize(
    "reply",
    [
        Reply(409, {"error": "a gap", "expected": 0}),
        Reply(404, {"error": "no such run", "code": "UNKNOWN_RUN"}),
    ],
)
def test_a_lost_thread_is_taken_up_by_a_new_writer_that_says_its_start(
    sink: Sink, waiting: Outbox, reply: Reply
) -> None:
    server = Server()
    assert deliver(waiting, server)[0] is Verdict.SENT
    sink.replies = [reply]
    assert deliver(waiting, server)[0] is Verdict.AGAIN
    assert deliver(waiting, server)[0] is Verdict.SENT
    assert deliver(waiting, server)[0] is Verdict.SENT
    assert deliver(waiting, server)[0] is Verdict.EMPTY
    server.close()
    old, new, data = sink.of("r")
    assert old.writer != new.writer == data.writer
    assert [batch.seq for batch in (old, new, data)] == [0, 0, 1]
    assert sink.values("r", "loss") == [0.5]
    waiting.close()


def test_a_child_waits_for_its_parent(sink: Sink, waiting: Outbox) -> None:
    sink.replies = [Reply(404, {"error": "no parent", "code": "UNKNOWN_PARENT"})]
    server = Server()
    assert deliver(waiting, server)[0] is Verdict.PARENT
    assert deliver(waiting, server)[0] is Verdict.SENT
    server.close()
    assert sink.bodies[0] == sink.bodies[1]
    waiting.close()


@pytest.mark.parametrize("status", [400, 413, 415])
def test_a_refused_batch_is_kept_shown_and_counted_in_its_place(
    sink: Sink, home: Path, waiting: Outbox, status: int
) -> None:
    server = Server()
    deliver(waiting, server)
    sink.replies = [Reply(status, {"error": "makes no sense"})]
    assert deliver(waiting, server)[0] is Verdict.SENT
    server.close()
    waiting.close()
    shown = synced(status=1)
    assert "run r: sent" in shown
    assert "makes no sense" in shown
    # Under the same seq.
    assert [batch.seq for batch in sink.of("r")] == [0, 1]
    assert "1 points were refused by the server: makes no sense" in sink.warnings("r")
    [kept] = (home / "spool" / "refused").glob("*.batch")
    assert kept.read_bytes() == sink.bodies[1]
    assert spools(home) == []


@pytest.mark.parametrize("status", [400, 410])
def test_a_run_that_the_server_does_not_want_is_set_aside(
    sink: Sink, home: Path, status: int
) -> None:
    sink.replies = [Reply(status, {"error": "was deleted"})]
    said = ran(SCRIPT)
    assert said.count("was deleted") == 1
    assert sink.of("r") == []
    assert spools(home) == []
    [aside] = (home / "spool" / "aside").iterdir()
    assert (aside / "000000.records").stat().st_size > 0
    assert "was deleted" in synced(status=1)


def test_a_server_that_comes_back_gets_everything(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, sink = free_port(), Sink()
    monkeypatch.setenv("RUNVANE_URL", f"http://127.0.0.1:{port}")
    with started("""
        import runvane, sys
        with runvane.start("away", id="r") as run:
            run.log("loss", 0.5)
            print("logged", flush=True)
            sys.stdin.readline()
            run.log("loss", 1.0)
            assert run.flush(30)
    """) as script:
        assert script.stdout
        assert script.stdin
        assert script.stdout.readline() == "logged\n"
        with serving(sink, port):
            script.stdin.write("\n")
            script.stdin.close()
            assert script.wait(30) == 0
    assert sink.values("r", "loss") == [0.5, 1.0]
    assert spools(home) == []


def test_the_next_process_finishes_what_a_killed_one_left(
    sink: Sink, home: Path, waiting: Outbox
) -> None:
    waiting.close()
    # It was for another server: left alone until someone says `sync`.
    ran("import runvane, time\nwith runvane.start('next'): time.sleep(0.5)")
    assert sink.of("r") == []
    assert "run r: sent" in synced()
    assert sink.values("r", "loss") == [0.5]
    with started("""
        import os, runvane
        run = runvane.Run("left", id="left")
        run.flush(5)
        run.log("loss", 0.25)
        os.kill(os.getpid(), 9)
    """) as killed:
        assert killed.wait(10) == -9
    ran("""
        import os, runvane, time
        with runvane.start("next"):
            for _ in range(200):
                if len(os.listdir(os.environ["RUNVANE_HOME"] + "/spool")) == 1: break
                time.sleep(0.05)
    """)
    assert sink.values("left", "loss") == [0.25]
    assert spools(home) == []


def test_steps_of_an_id_go_on_from_the_server_and_from_the_spools_here(
    sink: Sink, waiting: Outbox
) -> None:
    waiting.close()
    columns = [{"lastStep": "9007199254740993"}, {"lastStep": 1}]
    sink.data = {"run": {"metricList": [{"name": "acc", "columns": columns}]}}
    ran("""
        import runvane
        with runvane.start("answers", id="r", resume=True) as run:
            run.log({"loss": 0.25, "acc": 1.0, "new": 0.0})
    """)
    [query] = sink.queries
    assert query["variables"] == {"run": "r"}
    assert sink.steps("r", "acc") == [2**53 + 2]
    assert sink.steps("r", "loss")[0] == 1
    assert sink.steps("r", "new") == [0]


def test_without_an_answer_steps_count_from_0_and_the_run_says_so(home: Path, sink: Sink) -> None:
    sink.data = None
    ran(SCRIPT)
    assert sink.warnings("r") == ["The server did not say the last steps: they count from 0."]


def test_the_token_of_the_local_server_is_shown_or_the_one_that_is_set(
    sink: Sink, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran(SCRIPT)
    assert sink.authorizations == {None}
    (home / "token").write_text("local\n")
    ran(SCRIPT)
    monkeypatch.setenv("RUNVANE_TOKEN", "own")
    ran(SCRIPT)
    assert sink.authorizations == {None, "Bearer local", "Bearer own"}


def test_forked_processes_do_not_ask_again_in_step(home: Path) -> None:
    waits = ran("""
        import os, runvane
        from runvane import _sender
        for _ in range(8):
            if not os.fork():
                os.write(2, f"{_sender._back_off_s(20)}\\n".encode())
                os._exit(0)
            os.wait()
    """).split()
    assert len(set(waits)) == len(waits) == 8
