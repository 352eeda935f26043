"""A browser's own EventSource follows runs, and misses nothing when its connection is lost."""

import json
from urllib.parse import urlencode

from tests.flows.server import Server
from tests.web.conftest import Script, Visit, wait_for

DOCUMENT = """subscription ($run: String!) {
  metricsAppended(runs: [{runId: $run, after: "e30"}]) { blocks { steps } } }"""
FOLLOW = """address => {
  window.steps = [];
  window.source = new EventSource(address);
  window.source.addEventListener('next', event => {
    for (const block of JSON.parse(event.data).data.metricsAppended.blocks) {
      window.steps.push(...block.steps);
    }
  });
}"""
REACHED = "step => window.steps.includes(step)"


def test_every_point_comes_once_to_a_browser_that_lost_its_connection(
    visit: Visit, server: Server, script: Script
) -> None:
    script.does("import runvane", "run = runvane.start('live', id='source')")
    script.does("for i in range(5): run.log('loss', i)")
    wait_for(server, "source", "loss", 5)
    query = urlencode({"query": DOCUMENT, "variables": json.dumps({"run": "source"})})
    visit.page.evaluate(FOLLOW, f"/graphql?{query}")
    visit.page.wait_for_function(REACHED, arg=4)
    server.kill()
    script.does("for i in range(5, 30): run.log('loss', i)")
    server.start()
    visit.page.wait_for_function(REACHED, arg=29)
    script.does("run.log('loss', 30)")
    visit.page.wait_for_function(REACHED, arg=30)
    assert visit.page.evaluate("window.steps") == list(range(31))
    visit.page.evaluate("window.source.close()")
