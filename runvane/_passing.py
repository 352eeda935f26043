"""Output of a command on its way to ours: the same bytes, and a word about them beside it."""

import codecs
import fcntl
import os
import select
import termios
from collections.abc import Callable, Sequence
from typing import Any

STDOUT, STDERR = 1, 2
READ_BYTES = 65_536
# Position of the output modes in what termios gives.
_OUTPUT = 1


class Passage:
    """
    One file the command writes to; what comes is written to `target`, then heard as text.

    It is a terminal where the target is one, so that the command draws as it would without us. Its
    size is that of ours, and it changes no byte: our own terminal does that.
    """

    def __init__(self, target: int, hear: Callable[[str], None]) -> None:
        self.target = target
        self.is_terminal = os.isatty(target)
        self._hear = hear
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._passes = self._has_reader = True
        self._size = b""
        if self.is_terminal:
            self.source, self.given = os.openpty()
            modes: list[Any] = termios.tcgetattr(self.given)
            modes[_OUTPUT] &= ~termios.OPOST
            termios.tcsetattr(self.given, termios.TCSANOW, modes)
            self.fit()
        else:
            self.source, self.given = os.pipe()

    def fit(self) -> bool:
        """Take on the size of our terminal; whether it had another one before."""
        if not self.is_terminal:
            return False
        try:
            size = fcntl.ioctl(self.target, termios.TIOCGWINSZ, bytes(8))
            if size == self._size:
                return False
            self._size = size
            fcntl.ioctl(self.source, termios.TIOCSWINSZ, size)
        except OSError:
            # Our terminal is gone; the command goes on.
            return False
        return True

    def take(self) -> bool:
        """What is there now; False at the end."""
        try:
            said = os.read(self.source, READ_BYTES)
        except OSError:
            # A terminal ends so, when the last who had it has closed it.
            said = b""
        if not said:
            return False
        self._pass(said)
        self._hear(self._decoder.decode(said))
        return self._has_reader

    def close(self) -> None:
        self._hear(self._decoder.decode(b"", final=True))
        os.close(self.source)
        self.source = -1

    def _pass(self, said: bytes) -> None:
        left = memoryview(said)
        while left and self._passes:
            try:
                left = left[os.write(self.target, left) :]
            except BlockingIOError:
                select.select([], [self.target], [])
            except BrokenPipeError:
                # Whoever read it has left: so do we, and the command is told as it would be.
                self._passes = False
                self._has_reader = False
            except OSError:
                self._passes = False


def open_standard() -> None:
    """A missing file of the standard three becomes /dev/null: no file of ours takes its number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def passages(hear: Callable[[], Callable[[str], None]]) -> Sequence[Passage]:
    """Of stdout and stderr; one for both where both are the same file, so that order stays."""
    same = os.path.sameopenfile(STDOUT, STDERR)
    return [Passage(target, hear()) for target in ((STDOUT,) if same else (STDOUT, STDERR))]
