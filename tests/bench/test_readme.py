"""The page about speed says what was measured, and nothing else."""

from bench.figures import CLAIMS, UNPUBLISHED, Figure
from bench.readme import BETWEEN, README, figures_in, published


def test_its_figures_are_those_of_the_published_result() -> None:
    found = BETWEEN.search(README.read_text())
    assert found
    assert found[0] == figures_in(published())


def test_the_published_result_is_of_one_commit_as_it_was_and_knows_every_claim() -> None:
    result = published()
    assert not result.get("commit", "").endswith("-changed")
    assert set(result.get("figures", CLAIMS)) == set(CLAIMS) - UNPUBLISHED


def test_a_result_becomes_a_row_for_each_figure_with_its_ratios() -> None:
    figure = Figure(name="log_call", figure=2, samples=[2], peers={"mlflow": 60, "trackio": 10})
    now = {"loop_ms": 1, "fsync_ms": 2, "load": 0}
    machine = dict.fromkeys(("cores", "cpu", "memory_gb", "system", "python"), "1")
    text = figures_in(
        {
            "commit": "abc",
            "machine": machine,
            "peers": {},
            "figures": {
                "log_call": {**figure.as_json(), "calibration": {"before": now, "after": now}}
            },
            "growth": {"tables": {"runs": [{"runs": 1000, "page, ms": 12.34}]}},
        }
    )
    assert "| 3 | **2** | 60 | 10 | 1.5 x | 5 x |" in text
    assert "| 1,000 | 12.3 |" in text
