"""
Jobs: what was submitted, executed in a folder of its own as a run that is there already.

    job = Job(run_id, experiment, definition, folder)
    job.start()
    while job.poll() is None: …          # the exit code, once nothing of it is left
    job.end                              # how it ended, in words for the run
    job.stop(grace_s=10)                 # returns at once; SIGTERM, later SIGKILL, for all of it
    job.remove()                         # its folder

A job has a process of its own (`runvane._executing`), which restores the snapshot, runs the
command in `folder/code`, keeps its log, `logs/` and `outputs/`, and ends all that the command
started. It ends when whoever began it is gone, whatever became of that. What lies in
`folder/code` before the start is what the command finds. The definition:

    command               a list of words, of which the first is the program
    workingDirectory      below the code; where it is absolute, that folder
    environmentVariables  an object of texts
    snapshotId            whose files are restored; the run has them, or will have them soon
    snapshotRunId         the run that has them, if it is another one
    maxDuration           seconds from the start of the command; then it is canceled
    processes             so many of it at once, all on this machine, each told its RANK

A folder stays where whoever began the job was killed: `end_leftovers` ends what is there of it.
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from runvane import _files, _trees
from runvane._trees import Process

GRACE_S = 10.0
# The variable by which processes of a job are found, also where their parents are gone.
MARK = "RUNVANE_JOB"
# Its own process ends the rest in less; then it is ended with them.
LEAVE_S_MAX = 5.0
# What lies in a job's folder.
TOLD, ENDED, PIDS, LOCK, CODE = "job.json", "end.json", "pids", "lock", "code"


@dataclass(frozen=True, slots=True)
class End:
    """`code` is the command's: 128 and a signal's number where that ended it; 0 for none."""

    code: int
    # Completed, Failed or Canceled.
    status: str
    reason: str = ""
    # Its own process was ended, and did not say how far it was.
    lost: bool = False


class Job:
    def __init__(
        self,
        run_id: str,
        experiment: str,
        definition: Mapping[str, Any],
        folder: Path,
        *,
        says_end: bool = True,
    ) -> None:
        """`says_end`: the run is told how it ended; else whoever has the job tells it."""
        self.run_id = run_id
        self.folder = folder.absolute()
        self.end: End | None = None
        self._mark = uuid.uuid4().hex
        self._told = {
            "run": run_id,
            "experiment": experiment,
            "definition": dict(definition),
            "says_end": says_end,
            "mark": self._mark,
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._held = -1

    def start(self) -> None:
        """Returns at once; OSError where there is no room for a folder or for a process."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _files.write_all(self.folder / TOLD, json.dumps(self._told).encode())
        # Locked until its process is gone, from before that is there.
        lock = _files.create(self.folder / LOCK)
        alive, self._held = os.pipe()
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._process = subprocess.Popen(  # noqa: S603 - our own
                [sys.executable, "-m", "runvane._executing", str(self.folder)],
                stdin=alive,
                stdout=subprocess.DEVNULL,
                env={**os.environ, MARK: self._mark},
                start_new_session=True,
                pass_fds=(lock,),
            )
        except BaseException:  # also Ctrl-C: what was not begun is held by nobody
            self._let_go()
            raise
        finally:
            os.close(alive)
            os.close(lock)

    def poll(self) -> int | None:
        """The exit code, once nothing of it is left."""
        assert self._process, "start() comes first"
        if self.end is None and (code := self._process.poll()) is not None:
            self._let_go()
            end_rest(self.folder)
            self.end = end_in(self.folder) or End(
                code if code >= 0 else 128 - code,
                "Failed",
                f"The process that executed it ended with code {code}",
                lost=True,
            )
        return self.end.code if self.end else None

    def stop(self, grace_s: float = GRACE_S) -> None:
        """Let it end by itself after SIGTERM for so long; 0: at once. Twice: as said last."""
        if self._held >= 0:
            with suppress(BrokenPipeError):
                os.write(self._held, f"{grace_s:g}\n".encode())

    def remove(self) -> None:
        """The folder of a job that has ended."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _let_go(self) -> None:
        if self._held >= 0:
            os.close(self._held)
        self._held = -1


def end_leftovers(folder: Path) -> bool:
    """End what is there of a job that nobody has any more; False: something does not end."""
    until = time.monotonic() + LEAVE_S_MAX
    while _is_there(folder) and time.monotonic() < until:
        time.sleep(_trees.LOOK_EVERY_S)
    return end_rest(folder)


def end_in(folder: Path) -> End | None:
    """How the job ended; None for one that was cut short."""
    said = _json_in(folder / ENDED)
    return End(**said) if said else None


def end_rest(folder: Path) -> bool:
    """Kill what is there of a job, if anything is; False: something does not end."""
    told = _json_in(folder / TOLD)
    mark = f"{MARK}={told['mark']}" if told else ""

    def rest() -> Sequence[Process]:
        named = [each for each in _noted(folder) if _trees.process(each.pid) == each]
        found = {*named, *(_trees.marked(mark) if mark else ())}
        return [*found, *(each for one in found for each in _trees.below(one.pid))]

    return _trees.kill(rest)


def note(folder: Path, pid: int) -> None:
    """A process of the job, for `end_leftovers`."""
    if it := _trees.process(pid):
        with (folder / PIDS).open("a") as file:
            file.write(json.dumps(asdict(it)) + "\n")


def say_end(folder: Path, end: End) -> None:
    """Whole, or not at all."""
    part = folder / f".{ENDED}"
    part.write_text(json.dumps(asdict(end)))
    part.replace(folder / ENDED)


def _noted(folder: Path) -> Sequence[Process]:
    try:
        lines = (folder / PIDS).read_text().splitlines()
    except OSError:
        return []
    found: list[Process] = []
    for line in lines:
        with suppress(ValueError, TypeError):
            found.append(Process(**json.loads(line)))
    return found


def _is_there(folder: Path) -> bool:
    """Whether its own process is."""
    try:
        lock = os.open(folder / LOCK, os.O_RDWR)
    except OSError:
        # It was never begun.
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(lock)
    return False


def _json_in(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
