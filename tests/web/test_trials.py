"""The runs below a search: their states over time, the best so far, and their parameters."""

from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.flows.server import Server
from tests.web.conftest import Script, Visit, wait_for
from web.trials import (
    EDGE,
    HEIGHT,
    MARGIN,
    SLOTS,
    Trial,
    history_of,
    parallel_of,
    scores_of,
)

ATTEMPT = """
def attempt(n, acc, **params):
    with parent.child_run(f"trial {n}", id=f"search-1-{n}", params=params) as child:
        child.describe(primary_metric="acc", primary_goal="maximize")
        child.log("acc", acc)
"""
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def trial(number: int, value: float | None, *params: Any, status: str = "COMPLETED") -> Trial:
    said = [
        {"at": f"2026-01-01T12:{number:02}:00.000Z", "status": "RUNNING"},
        {"at": f"2026-01-01T12:{number + 10:02}:00.000Z", "status": status},
    ]
    run = {"runId": f"t{number}", "name": "", "status": status, "transitions": said}
    return Trial(run, value, params)


def test_a_bar_counts_the_states_of_its_moment() -> None:
    told = history_of([trial(0, 1.0), trial(10, 2.0, status="FAILED")])
    assert told
    assert told.begin == NOON
    assert told.end == NOON.replace(minute=20)
    assert len(told.slots) == SLOTS
    assert told.states == ["completed", "active", "failed"]
    assert told.slots[0].bars == [("active", 75.0, 75.0)]
    assert told.slots[SLOTS * 3 // 4].bars == [("completed", 75.0, 75.0), ("active", 0.0, 75.0)]
    assert told.slots[-1].bars == [("completed", 75.0, 75.0), ("failed", 0.0, 75.0)]
    assert history_of([]) is None


def test_the_history_of_a_search_that_goes_on_ends_now() -> None:
    told = history_of([trial(0, 1.0, status="RUNNING")], NOON.replace(hour=13))
    assert told
    assert told.end == NOON.replace(hour=13)


def test_the_line_of_the_best_so_far_never_gets_worse() -> None:
    values = [0.5, None, 0.7, 0.6, 0.9]
    trials = [trial(n, value) for n, value in enumerate(values)]
    upwards = scores_of(trials, highest=True)
    assert upwards
    assert upwards.best.trial is trials[4]
    assert upwards.reach.ends == ("0.5", "0.9")
    assert [spot.trial for spot in upwards.spots] == [trials[n] for n in (0, 2, 3, 4)]
    assert upwards.path.startswith(f"M{MARGIN} {100 - MARGIN}H")
    assert upwards.path.endswith(f"V{MARGIN}H{100 - MARGIN}")
    assert upwards.path.count("V") == 2
    downwards = scores_of(trials, highest=False)
    assert downwards
    assert downwards.best.trial is trials[0]
    assert downwards.path.count("V") == 0
    assert scores_of(trials[:2], highest=True) is None


def test_of_two_that_stand_at_the_same_place_the_better_one_is_the_best_so_far() -> None:
    losses = scores_of(
        [trial(n, v) for n, v in enumerate((2.31, 0.21341, 0.21335, 1.2))], highest=False
    )
    assert losses
    assert losses.spots[1].y == losses.spots[2].y
    assert losses.best.trial.value == 0.21335
    rates = scores_of([trial(n, v) for n, v in enumerate((0.1, 0.91234, 0.91235))], highest=True)
    assert rates
    assert rates.best.trial.value == 0.91235


@pytest.mark.parametrize(
    ("values", "goal", "ends", "beyond"),
    [
        ([0.95, 0.96, 0.97, 0.98, 0.1], "highest", ("≤ 0.95", "0.98"), [0.1]),
        ([0.95, 0.96, 0.97, 0.98, 1e9], "lowest", ("0.95", "≥ 0.98"), [1e9]),
        # What is far better than the others is what is looked for.
        ([0.95, 0.96, 0.97, 0.98, 0.1], "lowest", ("0.1", "0.98"), []),
        ([0.5, 0.5, 0.5, 0.5, 0.5], "highest", ("0.5", "0.5"), []),
        ([0.1, 0.96, 0.97, 0.98], "highest", ("0.1", "0.98"), []),
    ],
)
def test_a_few_far_worse_trials_do_not_press_the_others_together(
    values: list[float], goal: str, ends: tuple[str, str], beyond: list[float]
) -> None:
    told = scores_of([trial(n, each) for n, each in enumerate(values)], highest=goal == "highest")
    assert told
    assert told.reach.ends == ends
    assert [spot.trial.value for spot in told.spots if spot.beyond] == beyond
    assert all(MARGIN <= spot.y <= 100 - MARGIN for spot in told.spots)


def test_parameters_that_differ_have_an_axis_and_the_best_come_last() -> None:
    trials = [
        trial(0, 0.1, 1e-4, "adam", 3),
        trial(1, 0.3, 1e-2, "lion", 3),
        trial(2, 0.2, 1e-3, "adam", 3),
        trial(3, None, 1e-1, "adam", 3),
    ]
    drawn = parallel_of(trials, ["lr", "optimizer", "depth"], "acc", highest=True)
    assert drawn
    assert [(axis.name, axis.low, axis.high) for axis in drawn.axes] == [
        ("lr", "1e-4", "0.01"),
        ("optimizer", "adam", "lion"),
        ("acc", "0.1", "0.3"),
    ]
    assert [line.trial for line in drawn.lines] == [trials[0], trials[2], trials[1]]
    # By powers of ten the second of three is in the middle.
    assert drawn.lines[1].path.startswith(f"M{EDGE:.1f} {HEIGHT / 2:.1f}C")
    assert parallel_of(trials, [], "acc", highest=True) is None


def test_a_search_shows_its_trials_and_its_best_live(
    visit: Visit, script: Script, server: Server
) -> None:
    script.does("import runvane", "parent = runvane.Run('search', id='search-1')")
    script.does("parent.describe(primary_metric='acc', primary_goal='maximize')")
    script.does(f"exec({ATTEMPT!r})")
    script.does("attempt(0, 0.5, lr=0.1, kind='a'); attempt(1, 0.7, lr=0.01, kind='b')")
    wait_for(server, "search-1-1", "acc", 1)
    # It opens on its trials.
    page = visit.go("/runs/search-1")
    visit.live()
    expect(page.locator("#trials-scores .spot")).to_have_count(2)
    expect(page.locator("#trials-scores figcaption b")).to_have_text("trial 1 0.7")
    expect(page.locator("#trials-parallel .trial")).to_have_count(2)
    assert page.locator("#trials-parallel .axes b").all_inner_texts()[-1] == "acc"
    # The list is its leaderboard.
    expect(page.locator("#runs tbody tr").first).to_contain_text("trial 1")
    script.does("attempt(2, 0.9, lr=0.02, kind='a')")
    expect(page.locator("#trials-scores .spot")).to_have_count(3)
    expect(page.locator("#trials-scores figcaption b")).to_have_text("trial 2 0.9")
    page.locator("#trials-scores a[aria-label^='trial 0']").click()
    expect(page).to_have_url(f"{server.url}/runs/search-1-0")
    assert visit.complaints == []
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 900})
        visit.go("/runs/search-1?tab=children")
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") == 0
