"""R3: a training script that is killed."""

import random
import time
from pathlib import Path

import pytest

from tests.charter.figures import LONG, Figures
from tests.flows.server import Server

KILLS = 200 if LONG else 10
# It says after each step that its calls have returned; the file outlives the script.
SCRIPT = """
import itertools, os, sys, runvane
told = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND)
run = runvane.Run("kills", id=sys.argv[1])
for step in itertools.count():
    run.log("one", step)
    run.log({"left": step, "right": -step})
    run.log_row("row", step=step, text=str(step))
    run.log_columns({"many": [step, step + 0.5]})
    os.write(told, b"%d\\n" % step)
"""


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_killed_training_process_loses_nothing_it_logged(
    server: Server, tmp_path: Path, figures: Figures, chance: random.Random
) -> None:
    returned: dict[str, int] = {}
    for number in range(KILLS):
        run = f"killed-{number}"
        told = tmp_path / f"{run}.txt"
        told.touch()
        with server.python("-c", SCRIPT, run, str(told)) as script:
            while not told.stat().st_size:
                assert script.poll() is None, "the script ended by itself"
                time.sleep(0.005)
            time.sleep(chance.uniform(0, 0.15))
            script.kill()
        # The last line may be torn; the call before it has returned all the same.
        returned[run] = int(told.read_text().rpartition("\n")[0].split("\n")[-1]) + 1
    server.command("sync")

    figures.cases = KILLS
    figures.record("steps whose calls returned", sum(returned.values()), at_least=1)
    for run, count in returned.items():
        for metric, column, per_step in (
            ("one", "value", 1),
            ("left", "value", 1),
            ("right", "value", 1),
            ("row", "text", 1),
            ("many", "value", 2),
        ):
            server.await_points(run, metric, count * per_step, column)
            n = server.count(run, metric, column)
            # The step in which the kill fell may be there in part.
            assert n <= (count + 1) * per_step, (run, metric)
        steps, values = server.points(run, "one")
        assert steps == values == list(range(len(steps)))
        assert len(steps) >= count
    figures.record("lost", 0, at_most=0)
