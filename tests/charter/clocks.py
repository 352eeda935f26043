"""
Clocks on the wall that are turned while processes run.

Each Python process asks a file of ours how far its clock is off. (libfaketime would ask for a
C program's clock too, but makes `time.sleep` of Python 3.11 and later fail: it is told the end of
a sleep by the clock that nobody turns.)
"""

from pathlib import Path

CODE = """
import time
def turned(told):
    def tell():
        with open({path!r}) as file:
            seconds = int(file.read())
        return told() + seconds * unit
    unit = 10**9 if told is time.time_ns else 1
    return tell
time.time_ns, time.time = turned(time.time_ns), turned(time.time)
"""


class Clock:
    def __init__(self, folder: Path, seconds: int = 0) -> None:
        folder.mkdir()
        self._folder = folder
        self._path = folder / "seconds"
        # Python runs it first of all.
        (folder / "sitecustomize.py").write_text(CODE.format(path=str(self._path)))
        self.turn(seconds)

    def turn(self, seconds: int) -> None:
        """So far ahead of the true time, or behind it."""
        written = self._path.with_suffix(".new")
        written.write_text(str(seconds))
        written.replace(self._path)

    @property
    def environment(self) -> dict[str, str]:
        return {"PYTHONPATH": str(self._folder)}
