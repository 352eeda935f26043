"""Each row has a break that turns it red (`make breaks`); here, that the breaks still fit."""

import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

HERE = Path(__file__).parent
PATCHES = sorted(HERE.glob("breaks/*.patch"))
ROWS = sorted({path.name[5:8] for path in HERE.glob("test_[rsw][0-9][0-9]_*.py")})


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.stem)
def test_a_break_fits_the_code(patch: Path) -> None:
    command = ["git", "apply", "--check", str(patch)]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, f"write it anew for the code as it is now:\n{done.stderr}"


@pytest.mark.parametrize("row", ROWS)
def test_a_row_has_a_break(row: str) -> None:
    assert [patch.name for patch in PATCHES if patch.name.startswith(f"{row}-")]
