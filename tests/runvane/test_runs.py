"""`runvane runs` and `runvane completion`, with a real server in a process of its own."""

import json
import os
import pty
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import pyarrow.parquet  # pyright: ignore[reportMissingTypeStubs]
import pytest
from graphql import GraphQLEnumType, build_schema

import runvane
from runvane._runs import ATTRIBUTES
from runvane._tables import width
from tests.flows.server import Server
from tests.runvane.conftest import ROOT, free_port

STEPS = 5


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """With a sweep of three runs, of which one failed."""
    server = Server(tmp_path_factory.mktemp("home"), None)
    server.env.pop("RUNVANE_TOKEN", None)
    server.start()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("RUNVANE_HOME", "RUNVANE_URL"):
            patch.setenv(name, server.env[name])
        patch.delenv("RUNVANE_TOKEN", raising=False)
        with runvane.Run("digits", id="sweep", name="the sweep") as sweep:
            for name, lr in {"slow": 0.1, "good": 0.5, "wild": 8.0}.items():
                run = sweep.child_run(name, id=name, params={"lr": lr}, tags={"team": "vision"})
                for step in range(STEPS):
                    run.log("loss", 1 - lr * step / STEPS)
                run.log_row("roc", fpr=0.1, tpr=lr)
                if lr > 1:
                    run.fail("it diverged")
                else:
                    run.complete()
                assert run.flush()
    for name in ("slow", "good", "wild"):
        server.await_points(name, "loss", STEPS)
    ranked(server)
    yield server
    server.stop()


def ranked(server: Server) -> None:
    """Filters by metrics are a few seconds late."""
    document = """{ runs(filter: {scope: ANY, text: "metrics.loss.min exists"}) {
        totalCount { value } } }"""
    until = time.monotonic() + 30
    while server.ask(document)["runs"]["totalCount"]["value"] < 3:
        assert time.monotonic() < until
        time.sleep(0.1)


def said(server: Server, *words: str, status: int = 0, **env: str) -> tuple[str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "runvane", *words],
        check=False, cwd=ROOT, env={**server.env, **env}, text=True, capture_output=True,
        timeout=60,
    )  # fmt: skip
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout, done.stderr


def test_runs_are_listed_as_a_table(server: Server) -> None:
    out, wrong = said(server, "runs", "list", "--sort=created", "--metric=loss.min", "--first=3")
    lines = out.splitlines()
    assert lines[0].split() == [
        "id", "name", "experiment", "status", "created", "duration", "loss.min",
    ]  # fmt: skip
    assert [line.split()[0] for line in lines[1:]] == ["sweep", "slow", "good"]
    assert lines[2].endswith("0.92")
    assert "Completed" in lines[2]
    assert wrong == "3 of 4; more with --first\n"


def test_a_filter_is_the_text_of_the_api(server: Server) -> None:
    wanted = ("metrics.loss.last < 0.7", "--sort=-metrics.loss", "--json")
    found = json.loads(said(server, "runs", "list", *wanted, "--metric=loss")[0])
    assert [(run["runId"], run["metrics"]) for run in found] == [
        ("good", {"loss.last": 0.6}),
        ("wild", {"loss.last": pytest.approx(-5.4)}),
    ]
    assert said(server, "runs", "list", "--scope=roots", "--json")[0].count("runId") == 1
    assert said(server, "runs", "list", "--experiment=none")[0] == "no runs\n"
    _, wrong = said(server, "runs", "list", "statu = failed", status=1)
    assert wrong.startswith("runvane: there is no statu")
    assert wrong.count("\n") == 1


def test_a_run_is_shown(server: Server) -> None:
    out, _ = said(server, "runs", "show", "wild")
    words = {line.split("  ")[0]: line.split("  ", 1)[-1].strip() for line in out.splitlines()}
    assert words["status"] == "Failed: it diverged"
    assert (words["params.lr"], words["tags.team"], words["parent"]) == ("8", "vision", "sweep")
    assert [line.split() for line in out.splitlines()[-4:]] == [
        ["metric", "kind", "points", "last", "min", "max"],
        ["loss", "scalar", "5", "-5.4", "-5.4", "1"],
        ["roc.fpr", "row", "1", "0.1", "0.1", "0.1"],
        ["roc.tpr", "row", "1", "8", "8", "8"],
    ]
    assert json.loads(said(server, "runs", "show", "wild", "--json")[0])["runId"] == "wild"
    assert said(server, "runs", "show", "nobody", status=1)[1] == (
        "runvane: there is no run nobody\n"
    )


def test_tags_are_set_and_removed_and_what_is_not_there_is_named(server: Server) -> None:
    words = ("--set=verdict=flat", "--set=layers=3", "--set=bare", "--remove=team")
    out, wrong = said(server, "runs", "tag", "slow", "nobody", *words, status=1)
    assert out == 'slow  {"verdict": "flat", "layers": 3, "bare": null}\n'
    assert wrong == "runvane: no run nobody\n"
    out, _ = said(server, "runs", "tag", "slow", "--set=team=vision", "--remove=bare", "--json")
    assert json.loads(out)[0]["tags"] == {"verdict": "flat", "layers": 3, "team": "vision"}


def test_a_run_is_asked_to_stop(server: Server) -> None:
    document = """mutation { createRun(input: {experiment: "e", runId: "asked"}) {
        userErrors { message } } }"""
    server.ask(document)
    assert said(server, "runs", "cancel", "asked", "--reason=enough") == (
        "asked  CancelRequested\n", "",
    )  # fmt: skip
    _, wrong = said(server, "runs", "cancel", "slow", status=1)
    assert "already Completed" in wrong


def test_runs_are_compared(server: Server) -> None:
    out, _ = said(server, "runs", "diff", "slow", "good")
    rows = {line.split("  ")[0]: line.split()[1:] for line in out.splitlines()}
    assert rows["params.lr"] == ["0.1", "0.5"]
    assert rows["metrics.loss.last"] == ["0.92", "0.6"]
    assert "metrics.roc.fpr.last" not in rows
    assert "metrics.roc.fpr.last" in said(server, "runs", "diff", "slow", "good", "--equal")[0]
    assert said(server, "runs", "diff", "slow", "slow")[0] == "they do not differ\n"


def test_a_run_is_exported_whole_or_by_column(server: Server, tmp_path: Path) -> None:
    out, _ = said(server, "runs", "export", "good", "--metric=loss", "--format=csv")
    assert out.splitlines()[-1].startswith("4,")
    folder = tmp_path / "out"
    words = ("--format=parquet", f"--output={folder}")
    assert said(server, "runs", "export", "good", *words)[0] == f"3 files in {folder}\n"
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["loss.parquet", "roc.fpr.parquet", "roc.tpr.parquet"]
    table: Any = cast("Any", pyarrow.parquet).read_table(folder / "loss.parquet")
    assert table["value"].to_pylist()[-1] == 0.6
    file = tmp_path / "roc.ndjson"
    said(server, "runs", "export", "good", "--metric=roc", "--column=tpr", f"--output={file}")
    assert json.loads(file.read_text())["value"] == 0.5


def test_a_metric_whose_name_is_a_path_is_exported_into_the_folder(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RUNVANE_HOME", "RUNVANE_URL"):
        monkeypatch.setenv(name, server.env[name])
    with runvane.Run("paths", id="paths") as run:
        run.log("../../val/acc", 1)
    assert run.flush()
    server.await_points("paths", "../../val/acc", 1)
    said(server, "runs", "export", "paths", f"--output={tmp_path / 'a/b/c'}")
    assert [path.name for path in (tmp_path / "a/b/c").iterdir()] == ["..%2F..%2Fval%2Facc.ndjson"]


def test_every_metric_is_exported_however_many_and_whatever_they_are_called(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RUNVANE_HOME", "RUNVANE_URL"):
        monkeypatch.setenv(name, server.env[name])
    names = [f"m{number}" for number in range(1_100)] + ["长" * 200 + "1", "长" * 200 + "2"]
    with runvane.Run("many", id="many") as run:
        run.log(dict.fromkeys(names, 1))
    assert run.flush()
    server.await_points("many", names[-1], 1)
    query = '{ run(runId: "many") { metricsPending } }'
    while server.ask(query)["run"]["metricsPending"]:
        time.sleep(0.1)
    said(server, "runs", "export", "many", f"--output={tmp_path / 'out'}")
    assert len([*(tmp_path / "out").iterdir()]) == len(names)


def test_what_cannot_be_written_is_one_line(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for words in (("--metric=loss",), ()):
        output = f"--output={tmp_path}/file/out"
        _, wrong = said(server, "runs", "export", "good", *words, output, status=1)
        assert "Not a directory" in wrong
        assert wrong.count("\n") == 1


def test_what_is_not_there_to_export_is_named(server: Server) -> None:
    _, wrong = said(server, "runs", "export", "good", "--metric=none", status=1)
    assert wrong == "runvane: run good: it has no metric none\n"
    _, wrong = said(server, "runs", "export", "good", "--metric=roc", status=1)
    assert wrong == "runvane: run good: metric roc has fpr, tpr\n"


def test_words_that_mean_nothing_are_told_before_anything_is_asked(server: Server) -> None:
    for words, why in {
        ("list", "--sort=nothing"): "one of run_id, name, ",
        ("tag", "good", "--set="): "a tag has a name",
    }.items():
        assert why in said(server, "runs", *words, status=2)[1]
    assert "two runs or more" in said(server, "runs", "diff", "good", status=1)[1]
    schema = build_schema((ROOT / "schema.graphql").read_text())
    assert [*cast("GraphQLEnumType", schema.type_map["RunAttribute"]).values] == [*ATTRIBUTES]


@pytest.mark.parametrize("count", ["0", "-1", "many"])
def test_a_count_is_a_number_from_1(server: Server, count: str) -> None:
    _, wrong = said(server, "runs", "list", f"--first={count}", status=2)
    assert f"a number from 1, not {count}" in wrong


def at_terminal(server: Server, *words: str, columns: int) -> list[str]:
    ours, theirs = pty.openpty()
    env = {**server.env, "COLUMNS": str(columns)}
    with subprocess.Popen(
        [sys.executable, "-m", "runvane", *words], cwd=ROOT, env=env, stdout=theirs
    ) as command:
        os.close(theirs)
        shown = b""
        with suppress(OSError):
            while piece := os.read(ours, 65536):
                shown += piece
        assert command.wait(30) == 0
    os.close(ours)
    return shown.decode().splitlines()


def test_a_narrow_terminal_shows_whole_lines_and_whole_ids(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RUNVANE_HOME", "RUNVANE_URL"):
        monkeypatch.setenv(name, server.env[name])
    long = "一个很长的名字" * 9
    with runvane.Run(long, name=f"{long}\x1b[2J\nwith an order") as run:
        pass
    assert run.flush()
    list_it = ("runs", "list", "--first=1")
    lines = at_terminal(server, *list_it, columns=80)
    assert lines[1].startswith(run.id)
    assert "…" in lines[1]
    assert [width(line) for line in lines if width(line) > 80] == []
    whole, _ = said(server, *list_it)
    assert long in whole
    assert "\x1b" not in whole
    assert len(whole.splitlines()) == 2
    assert "\\u001b" in said(server, *list_it, "--json")[0]


def test_a_run_is_followed_until_it_ends(server: Server) -> None:
    script = """
import sys, runvane
with runvane.start("digits", id="live") as run:
    run.log("loss", 1)
    run.flush()
    print(flush=True)
    sys.stdin.readline()
    print("half way", flush=True)
    run.log("loss", 0.5)
"""
    with server.python("-c", script, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as live:
        assert live.stdin
        assert live.stdout
        live.stdout.readline()
        command = ("-m", "runvane", "runs", "tail", "live")
        with server.python(*command, stdout=subprocess.PIPE) as tail:
            assert tail.stdout
            lines = [tail.stdout.readline()]
            while lines[-1] != "-- Running\n":
                lines.append(tail.stdout.readline())
            # It follows points and output by two more streams, which begin now.
            time.sleep(1)
            live.stdin.write("\n")
            live.stdin.flush()
            lines += tail.stdout.readlines()
    assert sorted(lines[-3:]) == ["-- Completed\n", "half way\n", "loss[1] = 0.5\n"]
    assert tail.returncode == 0


def test_a_server_that_is_away_is_named_in_one_line(server: Server) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    for words in (("list",), ("show", "a"), ("tail", "a"), ("cancel", "a"), ("tag", "a"),
                  ("diff", "a", "b"), ("export", "a")):  # fmt: skip
        _, wrong = said(server, "runs", *words, status=1, RUNVANE_URL=url)
        assert wrong.startswith(f"runvane: no answer from {url}")
        assert wrong.count("\n") == 1


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_are_told_every_command_and_option(server: Server, shell: str) -> None:
    script, _ = said(server, "completion", shell)
    for word in ("serve", "runs", "completion", "tail", "export", "zsh", "revoke"):
        assert word in script
    for option in ("port", "metric", "expires-in"):
        assert option in script
    if program := shutil.which(shell):
        subprocess.run([program, "-n"], input=script, text=True, check=True)


def test_bash_completes_what_was_begun(server: Server) -> None:
    script, _ = said(server, "completion", "bash")
    for begun, words in {
        ("runvane", "ru"): ["run", "runs"],
        ("runvane", "runs", "ta"): ["tail", "tag"],
        ("runvane", "runs", "export", "x", "--out"): ["--output"],
        ("runvane", "completion", "f"): ["fish"],
    }.items():
        line = " ".join(f'"{word}"' for word in begun)
        asked = f"COMP_WORDS=({line}); COMP_CWORD={len(begun) - 1}; _runvane\n"
        told = subprocess.run(
            ["bash"], input=f'{script}{asked}echo "${{COMPREPLY[@]}}"\n', text=True, check=True,
            capture_output=True,
        )  # fmt: skip
        assert told.stdout.split() == words
