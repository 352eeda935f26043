"""The Query page in a real browser: ask, be told what is wrong, follow, and find the way."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.conformance.guide import unpacked
from tests.flows.server import Server
from tests.web.asking import Desk
from tests.web.conftest import WAIT_MS, Script, Visit, wait_for
from web.assets import FOLDER, manifest, questions

NAME = "query Named($run: String!) { run(runId: $run) { name } }"
FOLLOW = """subscription Follow($run: String!) {
  metricsAppended(runs: [{ runId: $run, after: "e30" }]) { blocks { steps } } }"""

TABLED = """query Tabled($metric: String!) {
  runs(
    filter: { tags: { key: "tabled" }, scope: LEAVES }
    sort: { subject: { attribute: RUN_ID }, direction: ASCENDING }
  ) {
    totalCount { value }
    edges { node { runId params } }
    metricCells(columns: [{ metric: $metric, stat: MIN }, { metric: $metric, stat: FIRST }])
  }
}"""


@pytest.fixture(scope="module")
def asked(server: Server) -> Iterator[Script]:
    """Runs for the guide's questions; the newest goes on."""
    script = Script(server)
    script.does(
        "import runvane",
        "parent, tags = runvane.start('asked', id='asked-parent'), {'tabled': None}",
        "worse = parent.child_run('worse', id='asked-worse', tags=tags)",
        "for i in range(5): worse.log('loss', i + 1)",
        "params = {'lr': 0.1, '<b>': '<i>x</i>'}",
        "tabled = runvane.start('tabled', id='tabled', tags=tags, params=params)",
        "tabled.log('loss', 7); tabled.complete()",
        "run = parent.child_run('asked', id='asked', tags=tags, params={'lr': 0.1})",
        "run.describe(primary_metric='loss', primary_goal='minimize')",
        "for i in range(5): run.log('loss', i)",
    )
    wait_for(server, "asked", "loss", 5)
    yield script
    script.does("run.complete()", "worse.complete()", "parent.complete()")
    script.ends()


@pytest.fixture
def desk(visit: Visit) -> Desk:
    return Desk(visit)


def test_the_examples_are_the_guides_questions(tmp_path: Path) -> None:
    guide = [each for each in unpacked(tmp_path) if each.title[0].isdigit()]
    assert [each["title"] for each in questions()] == [q.title.split(". ", 1)[1] for q in guide]
    for question, example in zip(guide, questions(), strict=True):
        name = next(each for each in question.files if each.endswith(".graphql"))
        block = (tmp_path / name).read_text().partition("\n")[2]
        assert example["document"] == block.rstrip()
        needed = set(re.findall(r"\$(\w+): [^\s,)]+(?=[\s,)])(?! =)", block)) - {"after"}
        assert needed
        assert needed <= set(example["variables"])
        assert example["lead"]


def test_every_example_runs_with_the_names_of_this_server(desk: Desk, asked: Script) -> None:
    page = desk.open().page
    for at, example in enumerate(questions()):
        chip = page.locator(f"[data-example='{at}']")
        chip.click()
        expect(chip).to_have_attribute("aria-pressed", "true")
        expect(page.locator("[data-validity]")).to_have_text("Valid")
        if example["document"].startswith("query"):
            assert None not in desk.answer()["data"].values(), example["title"]
        elif example["document"].startswith("subscription"):
            desk.run()
            desk.footer("Events").wait_for()
            page.locator("[data-stop]").click()
            desk.footer("Stopped").wait_for()
        else:
            # A mutation is not pointed at anybody's run.
            assert "asked" not in (desk.editor("variables").text_content() or "")
    assert desk.visit.complaints == []


def test_the_first_example_names_the_best_runs_of_any_server(desk: Desk, asked: Script) -> None:
    page = desk.open().page
    page.locator("[data-example='0']").click()
    runs = desk.answer()["data"]["runs"]
    # Less of the newest run's primary metric is better.
    assert [each["node"]["runId"] for each in runs["edges"]] == ["asked", "asked-worse"]
    assert runs["metricCells"] == [[0, 4, 2], [1, 5, 3]]


def test_the_answer_says_what_it_took_and_is_copied_whole(desk: Desk, asked: Script) -> None:
    desk.open(NAME, {"run": "asked"})
    answer = desk.answer()
    assert answer["data"] == {"run": {"name": "asked"}}
    cost = answer["extensions"]["cost"]
    said = desk.page.locator("[data-result] footer").text_content() or ""
    assert "200" in said
    assert f"cost {cost['spent']:,}, left {cost['left']:,}" in said
    # The figure is of the body as it came, the copy is laid out.
    size = len(json.dumps(answer, separators=(",", ":")))
    assert f"{size} B" in said
    assert re.search(r"\d (ms|s)", said)


def test_the_keys_run_it_from_the_document_and_from_the_variables(
    desk: Desk, asked: Script
) -> None:
    desk.open(NAME, {"run": "asked"})
    for name in ("document", "variables"):
        desk.editor(name).click()
        with desk.page.expect_request("**/graphql"):
            desk.page.keyboard.press("Control+Enter")
        desk.footer("cost").wait_for()


def test_an_address_that_was_sent_shows_the_question_and_a_reload_loses_nothing(
    desk: Desk, asked: Script
) -> None:
    page = desk.open(NAME, {"run": "asked"}).page
    assert desk.answer()["data"]["run"] == {"name": "asked"}
    changed = NAME.replace("name }", 'metric(name: "näher & mehr") { name } }')
    desk.write("document", changed)
    desk.write("variables", '{"run": "asked-parent"}')
    page.reload()
    desk.knows()
    assert desk.editor("document").text_content() == changed
    assert desk.answer()["data"]["run"] == {"metric": None}
    # The question that was run before is one step back.
    page.go_back()
    expect(desk.editor("document")).to_have_text(NAME)
    # Whoever comes back by the menu finds the question that was left.
    desk.visit.go("/")
    page.locator("#side").get_by_role("link", name="Query").click()
    desk.knows()
    expect(desk.editor("document")).to_have_text(NAME)


def test_a_mistake_is_marked_where_it_stands(desk: Desk) -> None:
    page = desk.open("query Wrong { experiments { totalCount nothing } }").page
    marked = page.locator("[data-editor=document] .cm-lintRange-error")
    expect(marked).to_have_text("nothing")
    expect(page.locator("[data-validity]")).to_have_text("Problems: 1")
    marked.hover()
    page.get_by_text('Cannot query field "nothing" on type "ExperimentConnection"').wait_for()


def test_variables_are_checked_against_the_operation(desk: Desk) -> None:
    page = desk.open(NAME, {"run": 3, "walk": 1}).page
    variables = page.locator("[data-editor=variables]")
    expect(variables.locator(".cm-lintRange-error")).to_have_text('"run": 3')
    expect(variables.locator(".cm-lintRange-warning")).to_have_text('"walk": 1')
    desk.write("variables", "{}")
    variables.locator(".cm-lintRange-error").hover()
    page.get_by_text('Variable "$run" of required type "String!" was not provided').wait_for()
    desk.write("document", NAME.replace("$run: String!", "$run: String"))
    expect(variables.locator(".cm-lintRange-error")).to_have_count(0)
    desk.write("variables", "[1]")
    desk.run()
    page.get_by_text("The variables cannot be read: the variables are an object").wait_for()


def test_the_schema_says_what_can_stand_there_and_what_it_is(desk: Desk) -> None:
    page = desk.open("query Some { experiments { totalCount } }").page
    desk.hover("document", "totalCount")
    page.locator(".cm-hint", has_text="ExperimentConnection.totalCount: Int!").wait_for()
    desk.write("document", "query Some { experi")
    page.locator(".cm-tooltip-autocomplete li", has_text="experiments").wait_for()
    # What has just opened takes no key, lest one be meant for the text.
    page.wait_for_timeout(200)
    page.keyboard.press("Enter")
    expect(desk.editor("document")).to_contain_text("query Some { experiment")
    desk.write("document", "{ experiments { totalCount } }")
    page.keyboard.press("Control+Home")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("F1")
    expect(page.locator(".docs h3")).to_have_text("Query.experiments")


def test_the_schema_is_walked_and_searched_by_keyboard(desk: Desk) -> None:
    page = desk.open().page
    search = page.get_by_label("Search types and fields")
    search.focus()
    page.keyboard.type("metric")
    found = page.locator("[data-docs-panel] [data-go]")
    second = found.nth(1).text_content() or ""
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator(".docs h3")).to_have_text(second)
    search.fill("metriclist")
    search.press("Enter")
    expect(page.locator(".docs h3")).to_have_text("Run.metricList")
    expect(page.locator(".docs dt", has_text="first: Int")).to_be_visible()
    page.get_by_role("button", name="[Metric!]!").press("Enter")
    expect(page.locator(".docs h3")).to_have_text("Metric")
    expect(page.locator("[data-docs-path] button")).to_have_text(["Schema", "Run", "metricList"])
    search.fill("query.series")
    search.press("Enter")
    expect(page.locator(".docs dt", has_text="x: XAxis! = STEP")).to_be_visible()
    page.get_by_role("button", name="Schema", exact=True).press("Enter")
    expect(page.locator(".docs dt")).to_have_text(["Query", "Mutation", "Subscription"])
    search.fill("no such thing")
    page.get_by_text("No type and no field").wait_for()


def test_tab_indents_and_leaves_the_editor_after_escape(desk: Desk) -> None:
    page = desk.open("{ alarm }").page
    assert "Esc then Tab leaves" in (page.locator(".pane footer").first.text_content() or "")
    desk.editor("document").click()
    page.keyboard.press("Control+Home")
    page.keyboard.press("Tab")
    assert desk.editor("document").text_content() == "  { alarm }"
    expect(desk.editor("document")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(desk.editor("document")).not_to_be_focused()


def test_a_document_is_laid_out_anew_without_losing_a_comment(desk: Desk) -> None:
    page = desk.open("{alarm}").page
    page.locator("[data-format]").click()
    expect(desk.editor("document").locator(".cm-line")).to_have_text(["{", "  alarm", "}"])
    desk.write("document", "{alarm} # all well?")
    page.locator("[data-format]").click()
    expect(desk.editor("document")).to_have_text("{alarm} # all well?")


def test_a_subscription_goes_on_where_its_connection_was_lost(
    desk: Desk, server: Server, asked: Script
) -> None:
    page = desk.open(FOLLOW, {"run": "asked"}).page
    desk.run()
    desk.footer("Following").wait_for()
    expect(page.locator("[data-run]")).to_be_hidden()
    expect(page.locator("[data-editor=result]")).to_contain_text('"steps"')
    server.kill()
    desk.footer("coming back").wait_for()
    asked.does("run.log('loss', 5, step=7654321)")
    server.start()
    # The newest event is at the top.
    expect(page.locator("[data-editor=result]")).to_contain_text("7654321", timeout=WAIT_MS)
    events = desk.result()
    assert [each["event"] for each in events] == list(range(len(events), 0, -1))
    blocks = [each["data"]["metricsAppended"]["blocks"] for each in reversed(events)]
    steps = [step for each in blocks for block in each for step in block["steps"]]
    assert steps == [0, 1, 2, 3, 4, 7654321]
    page.locator("[data-stop]").click()
    desk.footer("Stopped").wait_for()
    expect(page.locator("[data-run]")).to_be_visible()


def test_what_is_refused_is_said_in_plain_words(desk: Desk, server: Server) -> None:
    notice = desk.open(NAME, {"run": "asked"}).page.locator("[data-complaints]")
    desk.write("document", '{ runs(first: 1, after: "none") { pageInfo { endCursor } } }')
    desk.run()
    expect(notice).to_contain_text("(at runs)")
    server.kill()
    desk.run()
    expect(notice).to_contain_text("The server cannot be reached")
    server.start()
    desk.visit.context.clear_cookies()
    desk.run()
    expect(notice).to_contain_text("This browser has no session any more")
    desk.write("document", FOLLOW)
    desk.run()
    expect(notice).to_contain_text("This browser has no session any more")


def test_a_token_that_may_only_read_is_told_so_in_words(
    chromium: Browser, server: Server, asked: Script
) -> None:
    made = server.ask(
        'mutation { createToken(input: { name: "guest", scopes: [READ] }) { secret } }'
    )
    bearer = f"Bearer {made['createToken']['secret']}"
    guest = Visit(chromium, server, extra_http_headers={"authorization": bearer})
    desk = Desk(guest).open('mutation { purgeRun(runId: "asked") { userErrors { message } } }')
    notice = desk.page.locator("[data-complaints] li")
    desk.run()
    expect(notice).to_have_text("token guest may not write (at purgeRun)")
    desk.write("document", '{ run(runId: "asked") { status } }')
    assert desk.answer()["data"]["run"]["status"] == "RUNNING"
    expect(notice).to_have_count(0)
    guest.context.close()


def test_what_the_gate_refuses_is_said_without_its_json(desk: Desk, asked: Script) -> None:
    page = desk.open(NAME, {"run": "asked"}).page

    # As behind a proxy that calls the server by another name.
    def rename(route: Route) -> None:
        asked = {**route.request.headers, "origin": "http://elsewhere"}
        route.fulfill(response=route.fetch(headers=asked))

    page.route("**/graphql", rename)
    for document in (NAME, FOLLOW):
        desk.write("document", document)
        desk.run()
        said = "You may not ask this. a page of another site may not ask this"
        expect(page.locator("[data-complaints] li")).to_have_text(said)


def test_a_list_in_an_answer_is_shown_as_a_table(desk: Desk, asked: Script) -> None:
    page = desk.open(TABLED, {"metric": "loss"}).page
    desk.answer()
    as_json, as_table = (page.locator(f"[data-show={name}]") for name in ("json", "table"))
    as_table.click()
    expect(as_table).to_have_attribute("aria-pressed", "true")
    expect(as_json).to_have_attribute("aria-pressed", "false")
    expect(page.locator("[data-editor=result]")).to_be_hidden()
    table = page.get_by_role("region", name="Result as a table")
    headings = ["runId", "params.lr", "metricCells.0", "metricCells.1", "params.<b>"]
    expect(table.locator("th")).to_have_text(headings)
    none = "\N{EN DASH}"
    assert [row.split("\t") for row in table.locator("tr").all_inner_texts()[1:]] == [
        ["asked", "0.1", "0", "0", none],
        ["asked-worse", none, "1", "1", none],
        ["tabled", "0.1", "7", "7", "<i>x</i>"],
    ]
    # It stays a table for the next answer, and is copied as it came.
    desk.write("document", "{ alarm }")
    assert desk.answer()["data"] == {"alarm": None}
    page.get_by_text("This answer has no list").wait_for()
    desk.write("document", FOLLOW)
    desk.write("variables", '{"run": "asked"}')
    desk.run()
    expect(table.locator("tr").nth(1).locator("td").first).to_have_text(re.compile(r"\d+"))
    expect(table.locator("th").first).to_have_text("event")
    page.locator("[data-stop]").click()
    as_json.click()
    expect(table).to_be_hidden()
    expect(page.locator("[data-editor=result]")).to_contain_text('"steps"')


def test_a_question_is_kept_under_a_name_opened_and_taken_back(desk: Desk) -> None:
    page = desk.open(NAME, {"run": "asked"}).page
    page.locator("[data-views]").click()
    page.get_by_text("No question is kept yet").wait_for()
    page.get_by_label("A name for the question").fill("mine")
    page.get_by_role("button", name="Save as view").click()
    page.get_by_text("Saved as mine").wait_for()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Take back").click()
    page.get_by_role("button", name="Delete").wait_for()
    page.keyboard.press("Escape")
    desk.open("{ alarm }")
    page.locator("[data-views]").click()
    page.get_by_role("button", name="mine").click()
    expect(desk.editor("document")).to_have_text(NAME)
    expect(desk.editor("variables")).to_contain_text('"run": "asked"')
    desk.write("document", "mutation { purgeRun(runId: 1) { runId } }")
    page.locator("[data-views]").click()
    page.get_by_label("A name for the question").fill("yours")
    page.get_by_role("button", name="Save as view").click()
    expect(page.locator("[data-said]")).not_to_have_text(re.compile("^(Saved as yours)?$"))
    expect(page.locator(".views li")).to_have_count(1)


def test_what_a_page_asked_is_opened_in_the_query_page(visit: Visit, asked: Script) -> None:
    page = visit.go("/runs/asked")
    page.locator("a[data-query]").first.click()
    page.get_by_role("link", name="Open in the Query page").click()
    desk = Desk(visit).knows()
    assert desk.answer()["data"]["run"]["runId"] == "asked"


def test_only_the_query_page_fetches_the_editor(visit: Visit, asked: Script) -> None:
    fetched: list[str] = []
    visit.page.on("request", lambda request: fetched.append(request.url))
    for path in ("/", "/experiments/asked", "/runs/asked"):
        visit.go(path)
        visit.live()
    assert not [each for each in fetched if "query_page" in each]
    assert "cm-editor" not in (FOLDER / manifest()["files"]["app.js"]).read_text()
    Desk(visit).open()
    assert [each for each in fetched if "query_page" in each]
