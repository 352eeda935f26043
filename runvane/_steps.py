"""Where the steps of a run go on: asked of the spools here, and of the server."""

import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runvane import _files, wire

ASK_S_MAX = 2.0


def steps_of(run: str) -> tuple[Mapping[str, int], bool]:
    """The next step of each metric, and whether the server has answered."""
    until = time.monotonic() + ASK_S_MAX
    steps: Counter[str] = Counter()
    # The network is waited for by a thread that can be left behind.
    answers: list[Mapping[str, int] | None] = []
    asking = threading.Thread(target=_ask, args=(run, answers), daemon=True)
    asking.start()
    for folder in _files.spools_in(_files.spool_folder()):
        for path in sorted(folder.glob(f"*{_files.SUFFIX}")):
            if time.monotonic() < until:
                steps |= _steps_in(path, run)
    asking.join(max(0.0, until - time.monotonic()))
    answer = answers[0] if answers else None
    steps |= Counter({name: last + 1 for name, last in (answer or {}).items()})
    return steps, answer is not None


def _ask(run: str, answers: list[Mapping[str, int] | None]) -> None:
    try:
        from runvane._connection import last_steps

        answers.append(last_steps(run, ASK_S_MAX))
    except Exception:  # noqa: BLE001 - not even a module can be read: there is no answer
        return


def _steps_in(path: Path, run: str) -> Counter[str]:
    steps: Counter[str] = Counter()
    shapes: dict[int, list[wire.ColumnKey]] = {}
    try:
        body = path.read_bytes()
    except OSError:
        # Sent and removed in the meantime: the server will know.
        return steps
    words = wire.words_of(body)
    for at in wire.walk(words)[0]:
        word = words[at]
        kind, number, size = wire.kind_of(word), word >> 32, word & wire.WORDS_MASK
        if kind == wire.HEAD and wire.json_of(body, at, size)["run"] != run:
            break
        if kind == wire.SHAPE:
            shapes[number] = wire.json_of(body, at, size)
        elif kind == wire.ROW:
            _raise_to(steps, shapes[number], _signed(words[at + 1]) + 1)
        elif kind == wire.BULK:
            last = words[at + 3] + words[at + 1] - 1
            if words[at + 2] & wire.STEPS_GIVEN:
                last = words[at + 4 + words[at + 1]]
            _raise_to(steps, shapes[number], _signed(last) + 1)
        elif kind == wire.BLOCK:
            block: dict[str, Any] = wire.json_of(body, at, size)
            steps[block["name"]] = max(steps[block["name"]], max(block["steps"]) + 1)
    return steps


def _raise_to(steps: Counter[str], columns: list[wire.ColumnKey], step: int) -> None:
    for column in columns:
        steps[column[0]] = max(steps[column[0]], step)


def _signed(word: int) -> int:
    return word - 2**64 if word >= 2**63 else word
