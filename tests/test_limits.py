"""Every limit of the server is in one list, with the value that it has."""

import ast
import importlib
import re
from collections.abc import Iterator

from starlette.testclient import TestClient

from tests.conftest import ROOT, data

LIST = ROOT / "api/limits.md"
ROW = re.compile(r"\| `([\w.]+)` \| (\S+) \| (.+) \|")
LIMIT = re.compile(r"[A-Z][A-Z_]*_(MAX|MIN)(_S)?")
FILES = [*sorted((ROOT / "api").rglob("*.py")), ROOT / "runvane/wire.py"]


def limits() -> Iterator[tuple[str, str]]:
    """What modules define by a name that ends in MAX or MIN: its whole name and value."""
    for path in FILES:
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for node in ast.parse(path.read_text()).body:
            targets = node.targets if isinstance(node, ast.Assign) else []
            targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
            for target in targets:
                if isinstance(target, ast.Name) and LIMIT.fullmatch(target.id):
                    value = getattr(importlib.import_module(module), target.id)
                    yield f"{module}.{target.id}", f"{value:,}"


def test_the_list_of_limits_is_what_the_code_says() -> None:
    listed = {name: value for name, value, _ in ROW.findall(LIST.read_text())}
    found = dict(limits())
    assert len(found) > 50
    assert listed == found, "api/limits.md has a line for each limit, and no other"


def test_the_server_says_the_list(client: TestClient) -> None:
    said = data(client, "{ limits { name value meaning subject } }")["limits"]
    listed = ROW.findall(LIST.read_text())
    assert [each["name"] for each in said] == [name for name, _, _ in listed]
    for each, (_, value, _) in zip(said, listed, strict=True):
        # Whole numbers to their last digit; those beyond 2^53 are said as text.
        whole = re.fullmatch(r"-?[\d,]+", value)
        assert f"{int(each['value']) if whole else each['value']:,}" == value
    exact = {each["name"]: each["value"] for each in said}
    assert exact["runvane.wire.INTEGER_MAX"] == "9223372036854775807"
    assert exact["api.graphql.guard.DEPTH_MAX"] == 10
    assert {each["subject"] for each in said} >= {"Documents", "What is sent"}
    assert all(each["meaning"].endswith(".") for each in said)


def test_each_limit_is_listed_once_with_a_sentence() -> None:
    rows = ROW.findall(LIST.read_text())
    assert len(rows) == len({name for name, _, _ in rows})
    assert [name for name, _, sentence in rows if not re.fullmatch(r"\S.*\.", sentence)] == []
