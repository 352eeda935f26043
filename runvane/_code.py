"""Which code a command runs: what git says of the folder, and which packages its Python has."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

PATCH_BYTES_MAX = 1_000_000
# A large repository on a slow disk: rather unknown than waited for.
STATE_S_MAX = 2.0
TELL_S_MAX = 20.0
_INTERPRETER = re.compile(r"(?:python|pypy)[\d.]*")
_PACKAGE = re.compile(r"(.+?)-([^-]+)\.(?:dist-info|egg-info)")


def is_changed(folder: str = ".") -> bool | None:
    """Whether a file that git knows differs from the commit; None where that cannot be said."""
    asked = ("-C", folder, "status", "--porcelain", "--untracked-files=no")
    said = _git(*asked, seconds=STATE_S_MAX)
    return None if said is None else bool(said)


def patch() -> str:
    """What differs from the commit; the beginning of it, where that is much."""
    said = _git("diff", "HEAD", "--no-color", "--no-ext-diff", "--no-textconv", seconds=TELL_S_MAX)
    text = (said or b"")[:PATCH_BYTES_MAX].decode("utf-8", "replace")
    cut = len(said or b"") - PATCH_BYTES_MAX
    return f"{text}\n(cut here: {cut:,} bytes more)\n" if cut > 0 else text


def packages(program: str) -> str:
    """A line for each, as pip writes them; nothing where the program is none of Python's."""
    interpreter = _interpreter(Path(program))
    if interpreter is None:
        return ""
    # No module of the current folder is imported by this.
    said = _said([interpreter, "-c", "import sys; print(*sys.path, sep='\\n')"], TELL_S_MAX)
    folders = os.fsdecode(said or b"").splitlines()
    found = {name.lower(): line for folder in folders for name, line in _packages_in(folder)}
    return "".join(f"{found[name]}\n" for name in sorted(found))


def _packages_in(folder: str) -> Iterator[tuple[str, str]]:
    """Their metadata is in a folder that is named after them, which costs less than to read it."""
    if not folder or not Path(folder).is_dir():
        return
    for path in Path(folder).iterdir():
        if named := _PACKAGE.fullmatch(path.name):
            yield named[1], f"{named[1]}=={named[2]}"


def _interpreter(program: Path) -> str | None:
    if _INTERPRETER.fullmatch(program.name):
        return str(program)
    try:
        with program.open("rb") as file:
            first = os.fsdecode(file.readline(1000))
    except OSError:
        return None
    words = first.removeprefix("#!").split() if first.startswith("#!") else []
    if words and Path(words[0]).name == "env":
        words = [shutil.which(word) or "" for word in words[1:2]]
    found = words[0] if words else ""
    return found if _INTERPRETER.fullmatch(Path(found).name) else None


def _git(*words: str, seconds: float) -> bytes | None:
    return _said(["git", *words], seconds)


def _said(command: list[str], seconds: float) -> bytes | None:
    try:
        done = subprocess.run(  # noqa: S603 - git, or the Python that the user runs
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
            # Git would write its index; the folder is not ours.
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
