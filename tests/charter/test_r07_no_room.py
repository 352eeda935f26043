"""R7: a training whose spool has no room, no folder or no files left."""

import re
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.charter.disks import mounted
from tests.charter.figures import LONG, Figures
from tests.flows.server import ROOT, Server

POINTS = 200_000 if LONG else 5_000
LEFT_BYTES = 100_000
FILE_BYTES_MAX = 60_000
# At a quarter it is made hard, at a half it is made good again.
SCRIPT = f"""
import os, resource, shutil, sys, time
if sys.argv[2] == "alone":
    class Run:
        def __getattr__(self, name):
            return lambda *_, **__: None
    run = Run()
else:
    import runvane
held = []
def take_files():
    while True:
        try:
            held.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            break
def give_files():
    while held:
        os.close(held.pop())
def at(step):
    how = sys.argv[3]
    if how == "files from the start" and step in (0, {POINTS} // 2):
        (give_files if step else take_files)()
    if how == "files" and step in ({POINTS} // 4, {POINTS} // 2):
        (give_files if held else take_files)()
    if how == "large" and not step:
        resource.setrlimit(resource.RLIMIT_FSIZE, ({FILE_BYTES_MAX}, resource.RLIM_INFINITY))
    if how == "large" and step == {POINTS} // 2:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    if how == "full" and step == {POINTS} // 2:
        os.unlink(sys.argv[4])
    if how == "removed" and step == {POINTS} // 4:
        shutil.rmtree(os.environ["RUNVANE_HOME"] + "/spool", ignore_errors=True)
    if step == {POINTS} // 2:
        time.sleep(0.6)
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
at(0)
if sys.argv[2] != "alone":
    run = runvane.start("room", id=sys.argv[1])
for step in range({POINTS}):
    run.log("m", step)
    if step % 100 == 0:
        print(f"step {{step}}", flush=True)
    if step:
        at(step)
run.complete()
run.flush(20)
print("done")
"""
HOW = ("full", "large", "read-only", "removed", "files", "files from the start")


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_spool_without_room_changes_nothing_and_counts_what_it_drops(
    server: Server, how: str, figures: Figures
) -> None:
    run = how.replace(" ", "-")
    token = (server.home / "token").read_text().strip()
    with spool_folder(how) as (home, filler):
        environment = {**server.env, "RUNVANE_HOME": str(home), "RUNVANE_TOKEN": token}

        def ran(kind: str) -> subprocess.CompletedProcess[str]:
            command = [sys.executable, "-c", SCRIPT, run, kind, how, str(filler)]
            return subprocess.run(
                command, check=False, cwd=ROOT, env=environment, capture_output=True, text=True,
                timeout=120,
            )  # fmt: skip

        logged = ran("logged")
        if how == "full":
            filler.touch()
        alone = ran("alone")
    assert (logged.returncode, logged.stdout) == (alone.returncode, alone.stdout), logged.stderr
    warned = [line for line in logged.stderr.splitlines() if "runvane: watch" not in line]
    figures.cases = POINTS
    figures.record("lines of warning", len(warned), at_most=1)
    dropped = counted(server, run)
    figures.record("counted as dropped", dropped)
    server.await_points(run, "m", POINTS - dropped)
    missing = POINTS - server.count(run, "m") - dropped
    figures.record("lost or doubled without being counted", abs(missing), at_most=0)


def counted(server: Server, run: str) -> int:
    """As the run says it, to whoever looks."""
    found = server.ask("query ($run: String!) { run(runId: $run) { warnings } }", run=run)["run"]
    said = [re.match(r"([\d,]+) points were dropped: \S", each) for each in found["warnings"]]
    return sum(int(each[1].replace(",", "")) for each in said if each)


@contextmanager
def spool_folder(how: str) -> Generator[tuple[Path, Path]]:
    """The state folder of the script, and what fills its disk."""
    with mounted() as disk:
        if how == "full":
            disk.fill(LEFT_BYTES)
        if how == "read-only":
            subprocess.run(["mount", "-o", "remount,ro", str(disk.root)], check=True)
        try:
            yield disk.folder, disk.filler
        finally:
            subprocess.run(["mount", "-o", "remount,rw", str(disk.root)], check=True)
