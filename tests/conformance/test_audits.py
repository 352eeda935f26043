"""The audits of the GraphQL over HTTP specification, by the package that everybody uses."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.flows.server import Server

HERE = Path(__file__).parent
AUDITS = 61


@pytest.fixture(scope="module")
def outcomes(server: Server, node_modules: Path) -> Mapping[str, str]:
    token = server.headers["authorization"].removeprefix("Bearer ")
    command = ["node", "audit.mjs", f"{server.url}/graphql", token]
    done = subprocess.run(command, cwd=HERE, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def test_every_audit_is_passed(outcomes: Mapping[str, str]) -> None:
    assert {name: said for name, said in outcomes.items() if said != "ok"} == {}
    assert len(outcomes) == AUDITS
