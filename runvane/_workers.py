"""
Several server processes behind one port, and a parent that only watches over them.

The workers share the parent's listening socket, so that who waits there when one of them
goes is let in by another. A pipe whose other end only the parent holds tells them when it
is gone, however it went: nobody keeps the port for a parent that was killed.
"""

import os
import select
import signal
import sys
import threading
import time
import traceback
from dataclasses import dataclass
from socket import socket
from types import FrameType
from typing import NoReturn

from runvane import _listening, _serving

LOOK_EVERY_S = 0.05
# A worker that died is followed by another: at once, or when it was as old as this.
RESTART_EVERY_S = 1.0
# Workers end by themselves before that.
STOP_S_MAX = 9.5


@dataclass(frozen=True, slots=True)
class Worker:
    pid: int
    begun: float
    # Readable once it answers requests.
    ready: int


class Workers:
    def __init__(self, count: int, listening: socket, root_path: str) -> None:
        self._count = count
        self._listening = listening
        self._root_path = root_path
        self._alive, self._parent = os.pipe()
        self._workers: list[Worker] = []
        self._told: list[int] = []
        self._begin_at = 0.0

    def run(self) -> int:
        """Serve until told to stop; give the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._hear)
        self._listening.listen(_listening.BACKLOG)
        # Alone at first: it brings the tables up to date, or says why it cannot.
        self._begin()
        while not self._is_ready(self._workers[0]):
            if self._told:
                return self._stop()
            if self._ended():
                return 1
            time.sleep(LOOK_EVERY_S)
        _serving.say_link(_listening.url_of(self._listening), self._root_path)
        while not self._told:
            for worker, code in self._ended():
                print(f"runvane: a server process ended with code {code}", file=sys.stderr)
                self._begin_at = worker.begun + RESTART_EVERY_S
            while len(self._workers) < self._count and time.monotonic() >= self._begin_at:
                self._begin()
            time.sleep(LOOK_EVERY_S)
        return self._stop()

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self._told.append(number)

    def _begin(self) -> None:
        ready, answers = os.pipe()
        pid = os.fork()
        if not pid:
            self._work(answers)
        os.close(answers)
        self._workers.append(Worker(pid, time.monotonic(), ready))

    def _work(self, answers: int) -> NoReturn:
        """Be a worker; nothing of the parent's goes on behind it."""
        code: object = 1
        try:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            # Ctrl-C is the parent's: it tells us.
            os.setpgid(0, 0)
            os.close(self._parent)
            threading.Thread(target=_leave_with, args=(self._alive,), daemon=True).start()
            _serving.serve(
                self._listening, root_path=self._root_path, ready=lambda: os.write(answers, b"1")
            )
            code = 0
        except SystemExit as leaving:
            code = leaving.code
        except BaseException:  # noqa: BLE001 - whatever it is, a worker does not go on as the parent
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code if isinstance(code, int) else 1)

    def _is_ready(self, worker: Worker) -> bool:
        return bool(select.select([worker.ready], [], [], 0)[0]) and bool(os.read(worker.ready, 1))

    def _ended(self) -> list[tuple[Worker, int]]:
        """The workers that have ended since this was last asked, and how."""
        ended: list[tuple[Worker, int]] = []
        for worker in self._workers:
            pid, status = os.waitpid(worker.pid, os.WNOHANG)
            if pid:
                os.close(worker.ready)
                ended.append((worker, os.waitstatus_to_exitcode(status)))
        self._workers = [each for each in self._workers if each not in [gone for gone, _ in ended]]
        return ended

    def _stop(self) -> int:
        """Pass on what we were told, once for each time, until nobody is left."""
        self._listening.close()
        until, passed = time.monotonic() + STOP_S_MAX, 0
        while self._workers:
            for worker in self._workers:
                if time.monotonic() > until:
                    os.kill(worker.pid, signal.SIGKILL)
                elif len(self._told) > passed:
                    os.kill(worker.pid, signal.SIGTERM)
            passed = len(self._told)
            self._ended()
            time.sleep(LOOK_EVERY_S)
        return 130 if self._told[0] == signal.SIGINT else 0


def _leave_with(alive: int) -> None:
    """Nothing is ever written there: the read returns when the parent is gone."""
    os.read(alive, 1)
    os.kill(os.getpid(), signal.SIGTERM)
