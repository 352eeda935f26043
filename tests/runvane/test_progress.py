"""Long work has a bar at a terminal, and nowhere else."""

import os
import pty
import re
import subprocess
import sys
from textwrap import dedent

import pytest

from tests.runvane.conftest import ROOT

LONG = """
    import sys, time
    from runvane._progress import Progress
    with Progress("moving", 10) as progress:
        for _ in range(10):
            time.sleep(0.12)
            progress.add(1)
            print("done", flush=True)
    """
SILENT = """
    import sys, time
    from runvane._progress import Progress
    with Progress("checking"):
        time.sleep(1)
    """
QUICK = """
    import sys
    from runvane._progress import Progress
    with Progress("moving", 1) as progress:
        progress.add(1)
    sys.stderr.write("rich" if "rich" in sys.modules else "none")
    """


def at_terminal(code: str, **environment: str) -> tuple[str, str]:
    """What it says on stdout, which is a pipe, and to a terminal on stderr."""
    ours, theirs = pty.openpty()
    env = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", **environment}
    with subprocess.Popen(
        [sys.executable, "-c", dedent(code)], cwd=ROOT, env=env, stdout=subprocess.PIPE,
        stderr=theirs, text=True,
    ) as script:  # fmt: skip
        os.close(theirs)
        said = b""
        while piece := read(ours):
            said += piece
        output, _ = script.communicate(timeout=30)
    os.close(ours)
    assert script.returncode == 0, said
    return output, said.decode()


def read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:
        # Nobody has its other end open any more.
        return b""


def test_a_terminal_shows_how_far_it_is_and_then_nothing_more() -> None:
    output, said = at_terminal(LONG)
    assert output == "done\n" * 10
    assert "moving" in said
    assert re.search(r"\d+/10", said)
    assert said.endswith("\x1b[2K")


def test_without_rich_it_is_a_line_of_words() -> None:
    code = "import importlib.util; importlib.util.find_spec = lambda name: None\n" + dedent(LONG)
    output, said = at_terminal(code)
    assert output == "done\n" * 10
    assert "\r\x1b[2Kmoving 60%" in said
    assert said.endswith("\r\x1b[2K")


def test_work_that_says_nothing_has_a_bar_too() -> None:
    assert "checking" in at_terminal(SILENT)[1]


def test_no_colour_is_no_colour() -> None:
    assert "\x1b[38" in at_terminal(LONG)[1]
    assert "\x1b[38" not in at_terminal(LONG, NO_COLOR="1")[1]


@pytest.mark.parametrize("code", [LONG, SILENT])
def test_nothing_but_a_terminal_shows_anything(code: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", dedent(code)], cwd=ROOT, check=True, capture_output=True
    )
    assert done.stderr == b""


def test_what_is_done_at_once_draws_nothing_and_imports_nothing() -> None:
    assert at_terminal(QUICK)[1] == "none"


def test_a_bar_is_not_kept_as_what_a_script_says() -> None:
    code = """
        import sys, time
        from runvane import _output
        from runvane._progress import Progress
        heard = []
        _output.listen(lambda _, text: heard.append(text))
        with Progress("moving", 2) as progress:
            time.sleep(0.8)
            progress.add(1)
        print(heard)
        """
    output, said = at_terminal(code)
    assert output == "[]\n"
    assert "moving" in said
