"""
The process of one job, begun by `runvane._jobs`: `python -m runvane._executing FOLDER`.

Its stdin is a pipe whose other end is held by whoever wants the job. A line in it is a number:
end within so many seconds. When its other end is closed, nobody wants the job any more, and
all of it is ended at once.
"""

import json
import os
import select
import selectors
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

from runvane import _code, _facts, _folders, _jobs, _output, _passing, _system, _trees, home
from runvane._errors import TransferError
from runvane._jobs import End
from runvane._lines import Lines
from runvane.run import Run

TICK_S = 0.1
# How often the dead are looked for that nobody else notices.
BURY_EVERY_S = 5.0
HEED_EVERY_S = 2.0
# What was written is read to its end, where nothing holds the file any more.
DRAIN_S_MAX = 1.0
# One try to bring all to the server; where it fails, the next one follows.
DELIVER_S = 10.0
# So long it is tried where the process that wants the job is not to wait for it.
DELIVER_S_MAX = 60.0
NOTES = "system_logs/job.txt"
PACKAGES = "system_logs/packages.txt"
LOOPBACK = "127.0.0.1"
NOT_FOUND = 127
_STATUS = "query Status($run: String!) { run(runId: $run) { status } }"
# They are for whoever began the job, who tells us.
_NOT_OURS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class Orders:
    """What whoever wants the job says."""

    def __init__(self) -> None:
        # Held while something is begun; who ends everything holds it for good.
        self.starting = threading.Lock()
        # By when all is to be over.
        self.until: float | None = None
        threading.Thread(target=self._hear, name="runvane-orders", daemon=True).start()

    @property
    def stopped(self) -> bool:
        return self.until is not None

    def heed(self, run: str) -> None:
        """Also those who ask the server to cancel it: nobody else would hear of them."""
        threading.Thread(target=self._ask, args=(run,), name="runvane-heed", daemon=True).start()

    def _ask(self, run: str) -> None:
        from runvane._connection import Server

        server = Server(timeout_s=HEED_EVERY_S)
        while not self.stopped:
            time.sleep(HEED_EVERY_S)
            said = server.ask(_STATUS, {"run": run})
            if said and said["run"] and said["run"]["status"] == "CANCEL_REQUESTED":
                self.until = time.monotonic() + _jobs.GRACE_S

    def _hear(self) -> None:
        parent = os.getppid()
        while True:
            ready = select.select([0], [], [], 1.0)[0]
            said = os.read(0, 4096) if ready else b""
            # A fork of whoever wants the job may hold the pipe, too.
            if (ready and not said) or os.getppid() != parent:
                self._leave()
            for seconds in said.split():
                self.until = time.monotonic() + float(seconds)

    def _leave(self) -> None:
        with self.starting:
            _trees.kill(_rest)
            # What was logged is on the disk, and sent by another process.
            os._exit(1)


class Process:
    """One of the processes of the run, and the log that it writes."""

    def __init__(self, words: Sequence[str], environment: Mapping[str, str], log: Lines) -> None:
        nothing = os.open(os.devnull, os.O_WRONLY)
        self._log = log
        self.passage = _passing.Passage(nothing, log.write)
        try:
            self.popen = subprocess.Popen(  # noqa: S603 - it is what was submitted
                words,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=self.passage.given,
                stderr=self.passage.given,
                start_new_session=True,
            )
        finally:
            os.close(self.passage.given)

    def ask_to_end(self) -> None:
        if self.popen.poll() is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.popen.pid, signal.SIGTERM)

    def drain(self, until: float) -> None:
        while self.passage.source >= 0:
            left = max(0.0, until - time.monotonic())
            if not select.select([self.passage.source], [], [], left)[0] or not self.passage.take():
                self.passage.close()
        self._log.flush()


class Execution:
    def __init__(self, folder: Path, told: Mapping[str, Any], orders: Orders) -> None:
        self._folder = folder
        self._id: str = told["run"]
        self._experiment: str = told["experiment"]
        self._definition: Mapping[str, Any] = told["definition"]
        self._says_end: bool = told["says_end"]
        self._orders = orders
        self._processes: list[Process] = []
        self._notes: list[str] = []
        # Why it is being ended, and by when that is to be over.
        self._cause: End | None = None
        self._until = 0.0

    def run(self) -> End:
        if self._says_end:
            self._orders.heed(self._id)
        try:
            self._prepare()
        except (OSError, ValueError, TransferError) as error:
            failed = End(0, "Failed", f"The code could not be prepared: {error}")
            end = End(0, "Canceled") if self._orders.stopped else failed
            if self._says_end:
                self._deliver(self._joined(), end)
            return end
        made = self._joined()
        end = End(0, "Canceled") if self._orders.stopped else self._execute(made)
        self._note(f"{end.status}: {end.reason}" if end.reason else end.status)
        self._deliver(made, end)
        return end

    def _prepare(self) -> None:
        """Go to where the command works, with the code there."""
        code = self._folder / _jobs.CODE
        code.mkdir(exist_ok=True)
        if snapshot := self._definition.get("snapshotId"):
            from runvane import _snapshots

            run = self._definition.get("snapshotRunId") or self._id
            began = time.monotonic()
            count = _snapshots.restore(run, snapshot, code, lambda: self._orders.stopped)
            self._note(f"{count:,} files of the snapshot in {time.monotonic() - began:.1f} s")
        os.chdir(code / (self._definition.get("workingDirectory") or "."))
        if _is_within(code):
            # As Azure has it, they are there.
            for name in (_folders.LOGS, _folders.OUTPUTS):
                Path(name).mkdir(exist_ok=True)

    def _joined(self) -> Run:
        """From now on it is running."""
        facts = _facts.facts(shlex.join(self._definition["command"]))
        if _is_within(self._folder):
            # Of a repository that our folders happen to be in.
            facts.pop("git", None)
        return Run(self._experiment, id=self._id, joins=True, facts=facts)

    def _execute(self, made: Run) -> End:
        telling = threading.Thread(target=self._tell, args=(made,), daemon=True)
        with _folders.kept(made):
            try:
                self._begin(made)
            except (OSError, ValueError) as error:
                _trees.kill(_rest)
                why = f"{self._definition['command'][0]}: {getattr(error, 'strerror', error)}"
                return End(NOT_FOUND, "Failed", why)
            telling.start()
            with _system.watching(made.log, os.getpid()):
                end = self._follow()
            with self._orders.starting:
                # It did not end because nobody wants it any more: else we stay here.
                pass
            telling.join(_code.TELL_S_MAX)
            if end.status != "Canceled":
                made.status("Finalizing")
        return end

    def _begin(self, made: Run) -> None:
        command: Sequence[str] = self._definition["command"]
        count: int = self._definition.get("processes") or 1
        port = _free_port() if count > 1 else 0
        for rank in range(count):
            ranks = _ranks(rank, count, port)
            stream = _output.STREAM_OF_RANK.format(rank) if count > 1 else _output.STREAM
            with self._orders.starting:
                process = Process(command, self._environment(ranks), made.stream(stream))
                self._processes.append(process)
                _jobs.note(self._folder, process.popen.pid)
        self._note(f"begun: {shlex.join(command)}")

    def _environment(self, ranks: Mapping[str, str]) -> Mapping[str, str]:
        """It finds the run, by our names and by Azure's, and does not keep what we keep."""
        own = str(Path(sys.executable).parent)
        return {
            **os.environ,
            # First what is installed beside us, as in an environment that is active.
            "PATH": os.pathsep.join((own, os.environ.get("PATH", os.defpath))),
            # Who reads along sees each line when it is written.
            "PYTHONUNBUFFERED": "1",
            **self._definition.get("environmentVariables", {}),
            **ranks,
            "RUNVANE_RUN_ID": self._id,
            "RUNVANE_EXPERIMENT": self._experiment,
            "RUNVANE_URL": home.url(),
            "AZUREML_RUN_ID": self._id,
            "AZUREML_ARM_PROJECT_NAME": self._experiment,
            _jobs.MARK: os.environ[_jobs.MARK],
            _output.SWITCH: "0",
            _system.SWITCH: "0",
        }

    def _follow(self) -> End:
        """Keep what they say until all have ended, then end what they left behind."""
        duration = self._definition.get("maxDuration")
        latest = time.monotonic() + duration if duration else None
        buried = time.monotonic()
        with selectors.DefaultSelector() as selector:
            for each in self._processes:
                selector.register(each.passage.source, selectors.EVENT_READ, each)
            while any(each.popen.poll() is None for each in self._processes):
                for key, _ in selector.select(TICK_S):
                    if not key.data.passage.take():
                        selector.unregister(key.fileobj)
                        key.data.passage.close()
                self._look(latest)
                if time.monotonic() > buried + BURY_EVERY_S:
                    buried = time.monotonic()
                    _trees.bury([each.popen.pid for each in self._processes])
        _trees.kill(_rest)
        until = time.monotonic() + DRAIN_S_MAX
        for each in self._processes:
            each.drain(until)
        codes = [each.popen.returncode for each in self._processes]
        code = next(filter(None, codes), 0)
        end = self._cause or self._failure() or End(0, "Completed")
        return replace(end, code=code if code >= 0 else 128 - code)

    def _look(self, latest: float | None) -> None:
        """Whether there is a cause to end it, and whether the time for that is over."""
        now = time.monotonic()
        if self._cause is None:
            if self._orders.stopped:
                self._cause = End(0, "Canceled")
            elif latest is not None and now > latest:
                duration = self._definition["maxDuration"]
                words = f"It took longer than its maximum of {duration:g} s"
                self._cause = End(0, "Canceled", words)
            else:
                # Others wait for one that failed, and would do so for long.
                self._cause = self._failure()
            if self._cause is None:
                return
            self._until = now + _jobs.GRACE_S
            for each in self._processes:
                each.ask_to_end()
        if now >= (self._orders.until or self._until):
            _trees.kill(_rest)

    def _failure(self) -> End | None:
        for rank, each in enumerate(self._processes):
            if code := each.popen.poll():
                who = f"Process {rank}" if len(self._processes) > 1 else "The command"
                how = (
                    f"ended with exit code {code}"
                    if code > 0
                    else f"was ended by {_name_of(-code)}"
                )
                return End(0, "Failed", f"{who} {how}")
        return None

    def _tell(self, made: Run) -> None:
        path = self._environment({})["PATH"]
        command: Sequence[str] = self._definition["command"]
        program = shutil.which(command[0], path=path)
        if program and (text := _code.packages(program)):
            made.log_text(PACKAGES, text)

    def _note(self, text: str) -> None:
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self._notes.append(f"{at} {text}\n")

    def _deliver(self, made: Run, end: End) -> None:
        """
        All of it is on the server before anybody hears of the end.

        Where the server is away that takes as long as it does, and holds the place of the job;
        but who says the end himself is waited for by somebody who may end at any time.
        """
        made.log_text(NOTES, "".join(self._notes))
        latest = time.monotonic() + DELIVER_S_MAX
        while not made.flush(DELIVER_S):
            if self._is_late or (self._says_end and time.monotonic() > latest):
                break
        if self._says_end:
            made.status(end.status, end.reason)
        made.complete()
        while not made.flush(DELIVER_S, files=False):
            if self._is_late or self._says_end:
                break

    @property
    def _is_late(self) -> bool:
        return self._orders.until is not None and time.monotonic() > self._orders.until


def _rest() -> Sequence[_trees.Process]:
    return _trees.below(os.getpid(), but=os.getpgrp())


def _is_within(folder: Path) -> bool:
    return Path.cwd().is_relative_to(folder.resolve())


def _name_of(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
    return f"{name} (the machine may have had no memory left)" if name == "SIGKILL" else name


def _free_port() -> int:
    with socket.socket() as free:
        free.bind((LOOPBACK, 0))
        return int(free.getsockname()[1])


def _ranks(rank: int, count: int, port: int) -> Mapping[str, str]:
    """As torchrun sets them, for all on one machine; nothing for one that is alone."""
    if count == 1:
        return {}
    return {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(count),
        "NODE_RANK": "0",
        "MASTER_ADDR": LOOPBACK,
        "MASTER_PORT": str(port),
    }


def _ignore(number: int, frame: FrameType | None) -> None:
    """A handler, and not SIG_IGN, which the command would inherit."""


def main() -> None:
    folder = Path(sys.argv[1])
    for number in _NOT_OURS:
        signal.signal(number, _ignore)
    _trees.adopt()
    _jobs.note(folder, os.getpid())
    told = json.loads((folder / _jobs.TOLD).read_bytes())
    _jobs.say_end(folder, Execution(folder, told, Orders()).run())


if __name__ == "__main__":
    main()
