"""docs/studio.md names, for what a page shows, a test that there is and a picture that is taken."""

import ast
import re
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.web.gallery import NAMES

HERE = Path(__file__).parent
PAGE = (ROOT / "docs/studio.md").read_text()
LINES = re.findall(r"^\| (.+?) \| (.+?) \| `(\w+)\.(\w+)` \| `([\w-]+)` \|$", PAGE, re.MULTILINE)


def test_every_line_is_read() -> None:
    rows = re.findall(
        r"^\| (?!\|)(?!page)\S.*", (ROOT / "docs/studio.md").read_text(), re.MULTILINE
    )
    assert len(LINES) == len(rows) > 40


@pytest.mark.parametrize(("module", "name"), sorted({(line[2], line[3]) for line in LINES}))
def test_a_line_names_a_test_that_there_is(module: str, name: str) -> None:
    tree = ast.parse((HERE / f"{module}.py").read_text())
    assert name in {each.name for each in tree.body if isinstance(each, ast.FunctionDef)}


def test_every_picture_is_of_a_line_and_every_line_has_one() -> None:
    assert {line[4] for line in LINES} == set(NAMES)
