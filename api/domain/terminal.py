"""
What a terminal shows of a line when all of it was written (pure).

A carriage return goes back to the line's beginning, a backspace one place back; what comes then
is written over what is there, character by character. `ESC [ K` erases from there to the end,
`ESC [ 1 K` what is before and `ESC [ 2 K` all of it. Other escape sequences (colours) take no
place: they stay with the character behind them, and go when it is written over.
"""

import re

# A control sequence (ECMA-48), a sequence of two characters, or a title.
_TOKEN = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b.?|[\r\b]|[^\x1b\r\b]+"
)


def shown(line: str) -> str:
    """The last state of a line, whose newline is left out."""
    if "\r" not in line.rstrip("\r") and "\b" not in line:
        return line.rstrip("\r")
    if "\x1b" not in line and "\b" not in line:
        return _overwritten(line.split("\r"))
    return _written(line)


def _overwritten(states: list[str]) -> str:
    """Each from the line's beginning: of a shorter one the end of one before is still there."""
    found: list[str] = []
    length = 0
    for state in reversed(states):
        if len(state) > length:
            found.append(state[length:])
            length = len(state)
    return "".join(found)


def _written(line: str) -> str:
    cells: list[str] = []
    at, waiting = 0, ""
    for part in _TOKEN.findall(line):
        if part == "\r":
            at = 0
        elif part == "\b":
            at = max(at - 1, 0)
        elif part[0] != "\x1b":
            cells[at : at + len(part)] = [waiting + part[0], *part[1:]]
            at, waiting = at + len(part), ""
        elif part.startswith("\x1b[") and part.endswith("K"):
            _erase(cells, at, part[2:-1])
        else:
            waiting += part
    return "".join(cells) + waiting


def _erase(cells: list[str], at: int, how: str) -> None:
    if how in ("", "0"):
        del cells[at:]
    elif how in ("1", "2"):
        stop = len(cells) if how == "2" else min(at + 1, len(cells))
        cells[:stop] = [" "] * stop
        if how == "2":
            del cells[at:]
