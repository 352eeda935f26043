"""The table of a search: which trial it was, its pipeline, and the best until then."""

from typing import Any

from playwright.sync_api import Page, expect

from tests.flows.server import Server
from tests.web.conftest import Script, Visit, wait_for
from web.leaderboard import leaderboard
from web.trials import Trial

PIPELINE = """
def attempt(n, algorithm, error):
    with parent.child_run(f"p{n}", id=f"{parent.id}-{n}") as child:
        child.properties(iteration=str(n), run_preprocessor="Scaler", run_algorithm=algorithm)
        child.log("error", error)
"""


def trial(name: str, value: float | None, **properties: Any) -> Trial:
    return Trial({"runId": name, "properties": properties}, value, ())


def test_the_best_so_far_never_gets_worse_in_either_direction() -> None:
    trials = [trial("a", None), trial("b", 0.5), trial("c", 0.3), trial("d", 0.7)]
    up, down = leaderboard(trials, highest=True), leaderboard(trials, highest=False)
    assert up.heads == ["iteration", "best"]
    assert [up.of(name) for name in "abcd"] == [[1, None], [2, 0.5], [3, 0.5], [4, 0.7]]
    assert [down.of(name)[-1] for name in "abcd"] == [None, 0.5, 0.3, 0.3]
    # A trial beyond those that were looked at has nothing beside it.
    assert up.of("e") == [None, None]


def test_a_pipeline_is_of_what_a_trial_says_of_its_steps() -> None:
    board = leaderboard(
        [
            trial("a", 1.0, iteration="0", run_preprocessor="Scaler", run_algorithm="KNN"),
            trial("b", 2.0, iteration="1", run_algorithm="Vote"),
            trial("c", 3.0, iteration="last"),
        ],
        highest=True,
    )
    assert board.heads == ["iteration", "pipeline", "best"]
    assert [board.of(name)[:2] for name in "abc"] == [[0, "Scaler, KNN"], [1, "Vote"], [3, None]]


def cells(page: Page, run: str) -> list[str]:
    return page.locator(f"#run-{run} td").all_inner_texts()


def test_a_search_for_a_model_lists_its_pipelines_by_its_own_metric(
    visit: Visit, script: Script, server: Server
) -> None:
    script.does("import runvane", "parent = runvane.Run('models', id='models-1')")
    script.does("parent.describe(primary_metric='error', primary_goal='minimize')")
    script.does(f"exec({PIPELINE!r})")
    script.does("attempt(0, 'KNN', 0.5); attempt(1, 'Tree', 0.25); attempt(2, 'Linear', 0.375)")
    wait_for(server, "models-1-2", "error", 1)
    # By the other one the experiment has its best, which is not this search's.
    script.does("other = runvane.Run('models', id='models-2')")
    script.does("other.describe(primary_metric='accuracy', primary_goal='maximize')")
    script.does("child = other.child_run('o', id='o'); child.log('accuracy', 1)")
    script.does("child.describe(primary_metric='accuracy', primary_goal='maximize')")
    script.does("child.complete(); other.complete()")
    wait_for(server, "o", "accuracy", 1)
    page = visit.go("/runs/models-1?tab=children")
    visit.live()
    heads = " ".join(page.locator("#runs thead").inner_text().split())
    assert "Search Metrics" in heads
    assert "Iteration Pipeline Best so far error min" in heads
    # What it is sorted by is a few seconds behind what was logged.
    first = page.locator("tr[data-run]").first
    for _ in range(50):
        if first.get_attribute("data-run") == "models-1-1":
            break
        page.reload()
    order = [line.get_attribute("data-run") for line in page.locator("tr[data-run]").all()]
    assert order == ["models-1-1", "models-1-2", "models-1-0"]
    assert cells(page, "models-1-2")[3:7] == ["2", "Scaler, Linear", "0.25", "0.375"]
    assert cells(page, "models-1-0")[3:7] == ["0", "Scaler, KNN", "0.5", "0.5"]
    script.does("attempt(3, 'Forest', 0.125)")
    expect(page.locator("#run-models-1-3 td").nth(5)).to_have_text("0.125")
    # In groups they stand under their headings, too.
    page.get_by_role("combobox", name="Group by").select_option("status")
    page.wait_for_url("**group=status**")
    expect(page.locator("tr.group td")).to_have_count(page.locator("#run-models-1-3 td").count())
    assert visit.complaints == []
    script.does("parent.complete()")
