"""docs/azureml.md has a line for every method, and says of each what is so."""

import re
from pathlib import Path
from typing import Any

import pytest

from runvane.azureml.core import Experiment, Run, Workspace
from runvane.azureml.train.automl.run import AutoMLRun
from runvane.azureml.train.hyperdrive import HyperDriveRun
from runvane.azureml.widgets import RunDetails
from tests.runvane.conftest import ROOT

LINE = re.compile(
    r"\| `(\w+)\.(\w+)` \| (same|differs|left out) \| (.*?) ?\| (?:`(\w+)\.(\w+)` )?\|"
)
CLASSES: dict[str, Any] = {
    each.__name__: each
    for each in (Run, Experiment, Workspace, HyperDriveRun, AutoMLRun, RunDetails)
}


def lines() -> dict[tuple[str, str], tuple[str, str, str, str]]:
    page = (ROOT / "docs/azureml.md").read_text()
    found = {(each[0], each[1]): each[2:] for each in LINE.findall(page)}
    assert page.count("\n| `") == len(found)
    return found


def own(name: str) -> set[str]:
    """What a class has that scripts call: of `Run` all, of what is made of it the rest."""
    of = CLASSES[name]
    above = set(dir(Run)) if of is not Run and issubclass(of, Run) else set[str]()
    return {
        each
        for each in dir(of)
        if each.islower() and not each.startswith("_") and (each not in above or each in vars(of))
    }


@pytest.mark.parametrize("name", CLASSES)
def test_every_method_has_its_line(name: str) -> None:
    there = {method for of, method in lines() if of == name}
    kept = {
        method for (of, method), line in lines().items() if of == name and line[0] != "left out"
    }
    assert kept <= own(name) <= there


@pytest.mark.parametrize(("method", "line"), lines().items(), ids=".".join)
def test_a_line_has_its_reason_and_its_test(
    method: tuple[str, str], line: tuple[str, str, str, str]
) -> None:
    said, how, module, test = line
    assert said == "same" or how, "what differs says how, what is left out why"
    if said != "left out" or module:
        path = Path(__file__).with_name(f"{module}.py")
        assert f"def {test}(" in path.read_text()
