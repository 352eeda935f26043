"""
`runvane run -- python train.py`: any command as a run.

The command has a process group of its own. Where our stdin is a terminal, that group has it, as if
a shell had started it: Ctrl-C reaches it once, and Ctrl-Z stops both of us. A signal
sent to us is handed on to the group, once.
"""

import os
import selectors
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import FrameType

from runvane import _code, _facts, _folders, _output, _passing, _system, home
from runvane._lines import Lines
from runvane.run import Run

# By these somebody wants it to stop.
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
TICK_S = 0.1
# What a command has written is read to its end; what its descendants still write, for so long.
DRAIN_S_MAX = 1.0
NAME_LENGTH_MAX = 100
NOT_FOUND, NOT_ALLOWED = 127, 126


def run(words: Sequence[str], *, experiment: str, name: str, tags: Mapping[str, str | None]) -> int:
    """Give the exit code: the command's own, 128 and the number of the signal that ended it."""
    _passing.open_standard()
    program = shutil.which(words[0])
    if program is None:
        print(f"runvane: {words[0]}: there is no such command", file=sys.stderr)
        return NOT_FOUND
    said = shlex.join(words)
    made = Run(
        experiment or home.experiment(_facts.folder_name()),
        name=name or " ".join(said.split())[:NAME_LENGTH_MAX],
        parent=home.run_to_join() or None,
        facts=_facts.facts(said, changed=_code.is_changed()),
    )
    if tags:
        made.tags(tags)
    command = Command(words, made)
    # What is in its folders before it begins is not its own.
    with _folders.kept(made):
        try:
            command.start()
        except OSError as error:
            made.fail(f"{words[0]}: {error.strerror}")
            print(f"runvane: {words[0]}: {error.strerror}", file=sys.stderr)
            return NOT_ALLOWED
        telling = threading.Thread(target=_tell, args=(made, program), daemon=True)
        telling.start()
        with _system.watching(made.log, command.process.pid):
            code = command.follow()
    telling.join(_code.TELL_S_MAX)
    _end(made, code, asked=command.asked)
    return code if code >= 0 else 128 - code


def _end(made: Run, code: int, *, asked: bool) -> None:
    if not code:
        made.complete()
        return
    number = -code if code < 0 else code - 128
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = ""
    if code > 0 and not asked and number not in STOPS:
        made.fail(reason=f"The command ended with exit code {code}")
    elif asked or number in STOPS:
        made.cancel(f"Stopped by {name}" if name else f"Stopped, with exit code {code}")
    else:
        why = " (the machine may have had no memory left)" if name == "SIGKILL" else ""
        made.fail(reason=f"The command was ended by {name or f'signal {number}'}{why}")


def _tell(made: Run, program: str) -> None:
    """What takes a while to find out, beside the command."""
    for stream, text in (
        ("system_logs/uncommitted.patch", _code.patch()),
        ("system_logs/packages.txt", _code.packages(program)),
    ):
        if text:
            made.log_text(stream, text)


class Command:
    def __init__(self, words: Sequence[str], made: Run) -> None:
        self._words = words
        self._lines: list[Lines] = []
        self._run = made
        self._passages = _passing.passages(self._ear)
        self._early: list[int] = []
        # Somebody wanted it to stop.
        self.asked = False

    def start(self) -> None:
        """Raise OSError if it cannot be."""
        for number in STOPS:
            # What was to be ignored, by nohup, stays ignored.
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._hand_on)
        given = {each.target: each.given for each in self._passages}
        stdout = given[_passing.STDOUT]
        self.process = subprocess.Popen(  # noqa: S603 - it is what the user wants run
            self._words,
            env=self._environment(),
            stdout=stdout,
            stderr=given.get(_passing.STDERR, stdout),
            process_group=0,
        )
        for file in given.values():
            os.close(file)
        # From here on a background process that takes the terminal: it would be stopped.
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        self._lend_terminal()
        for number in self._early:
            self._hand_on(number, None)

    def follow(self) -> int:
        """Pass its output on until it has ended; give what Popen calls its return code."""
        selector = selectors.DefaultSelector()
        for each in self._passages:
            selector.register(each.source, selectors.EVENT_READ, each)
        until = 0.0
        while selector.get_map():
            ready = selector.select(TICK_S)
            for key, _ in ready:
                if not key.data.take():
                    selector.unregister(key.data.source)
                    key.data.close()
            if self.process.poll() is None:
                self._look()
                until = time.monotonic() + DRAIN_S_MAX
            elif not ready or time.monotonic() > until:
                # Descendants of it hold the file still.
                break
        for key in tuple(selector.get_map().values()):
            key.data.close()
        while self.process.poll() is None:
            self._look()
            time.sleep(TICK_S / 10)
        self._take_terminal()
        for lines in self._lines:
            lines.flush()
        return self.process.returncode

    def _ear(self) -> Callable[[str], None]:
        lines = self._run.stream(_output.stream())
        self._lines.append(lines)
        return lines.write

    def _environment(self) -> Mapping[str, str]:
        """It finds the run, and does not keep what we keep."""
        return {
            **os.environ,
            "RUNVANE_RUN_ID": self._run.id,
            "RUNVANE_EXPERIMENT": self._run.experiment,
            _output.SWITCH: "0",
            _system.SWITCH: "0",
        }

    def _hand_on(self, number: int, _: FrameType | None) -> None:
        self.asked = True
        if not hasattr(self, "process"):
            self._early.append(number)
        elif self.process.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, number)

    def _look(self) -> None:
        """Whether our terminal has another size, and whether the command was stopped by Ctrl-Z."""
        if [each for each in self._passages if each.fit()]:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGWINCH)
        with suppress(ChildProcessError):
            if os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOHANG):
                self._take_terminal()
                os.kill(os.getpid(), signal.SIGSTOP)
                self._lend_terminal()
                os.killpg(self.process.pid, signal.SIGCONT)

    def _lend_terminal(self) -> None:
        self._hand_terminal(os.getpgrp(), self.process.pid)

    def _take_terminal(self) -> None:
        self._hand_terminal(self.process.pid, os.getpgrp())

    def _hand_terminal(self, giver: int, taker: int) -> None:
        """Without a terminal, or where it is somebody else's, nothing."""
        with suppress(OSError):
            if os.tcgetpgrp(0) == giver:
                os.tcsetpgrp(0, taker)
                os.killpg(taker, signal.SIGCONT)
