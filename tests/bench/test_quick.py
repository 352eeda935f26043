"""Every row of the bench works, in its smallest size; how fast is nothing a test may ask."""

import re
import subprocess
import sys

from bench.__main__ import ROWS
from bench.figures import CLAIMS
from tests.conftest import ROOT

# The rest needs peers, installations, or a browser.
FULL_ONLY = {
    "install",
    "pixels",
    "paint_list",
    "paint_sort",
    "paint_filter",
    "paint_page",
    "charts",
    "busy",
    "page_memory",
    "page_1m_postgres",
    "page_1m_postgres_deep",
    "page_1m_postgres_count",
}


def test_every_row_gives_its_figures_and_loses_no_spike() -> None:
    command = [sys.executable, "-m", "bench", "--quick"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    # What costs less than the clock can tell may come out below zero, or as next to nothing.
    said = dict(re.findall(r"^  (\w+) +(-?[\d.,]+(?:e[+-]\d+)?) ", done.stdout, re.MULTILINE))
    assert set(said) == set(CLAIMS) - FULL_ONLY
    assert said["spikes"] == "20"
    assert "20 of 20 spikes" in done.stdout
    assert len(ROWS) > 5
