"""The bench's data is the same for everybody, and is what its description says."""

from itertools import islice

import numpy as np
import pytest

from bench import generators
from bench.generators import DECAY_STEPS, JITTER_MS, NOISE, SPIKES, STEP_MS


def test_the_same_points_come_each_time_and_others_from_another_stream() -> None:
    first, again, other = (generators.points(1000, stream) for stream in (0, 0, 1))
    assert np.array_equal(first.values, again.values)
    assert np.array_equal(first.times, again.times)
    assert not np.array_equal(first.values, other.values)


def test_values_are_float32_noise_around_a_falling_loss_and_times_jitter() -> None:
    made = generators.points(100_000)
    assert np.array_equal(made.values, made.values.astype("f4").astype("f8"))
    noise = made.values - (2.5 * np.exp(-made.steps / DECAY_STEPS) + 0.3)
    assert noise.mean() == pytest.approx(0, abs=NOISE / 50)
    assert noise.std() == pytest.approx(NOISE, rel=0.02)
    jitter = made.times - made.times[0] - made.steps * STEP_MS
    assert np.unique(jitter - jitter.min()).tolist() == list(range(JITTER_MS))


def test_spikes_stand_apart_and_are_found_only_where_they_are_shown() -> None:
    made, planted = generators.spiked(100_000)
    at = np.flatnonzero(np.isin(made.values, planted))
    assert len(at) == SPIKES
    assert (np.diff(at) > 100_000 / 1000).all()
    shown = made.values.astype("f4").tolist()
    assert generators.found(planted, shown) == SPIKES
    shown[at[3]] = 0.5
    assert generators.found(planted, shown) == SPIKES - 1


def test_a_run_is_the_same_however_many_there_are() -> None:
    few = list(generators.runs(50))
    many = list(islice(generators.runs(10_050), 50))
    assert [repr(run) for run in few] == [repr(run) for run in many]
    assert len({run.number for run in generators.runs(10_050)}) == 10_050


def test_what_hangs_together_in_a_sweep_does_and_the_uniform_does_not() -> None:
    runs = [run for run in generators.runs(5000) if run.metrics["val/loss"] < np.inf]
    columns = {
        name: np.array([run.metrics[name] for run in runs])
        for name in ("uniform/a", "uniform/b", "val/loss", "val/accuracy")
    }
    related = np.corrcoef(columns["val/loss"], columns["val/accuracy"])[0, 1]
    unrelated = np.corrcoef(columns["uniform/a"], columns["uniform/b"])[0, 1]
    assert related < -0.9
    assert abs(unrelated) < 0.05
    diverged = 5000 - len(runs)
    assert 20 < diverged < 100


def test_lines_of_a_log_are_the_same_each_time_and_ten_of_them_are_errors() -> None:
    text = generators.log_lines(20_000)
    assert text == generators.log_lines(20_000)
    assert text.isascii()
    lines = text.splitlines()
    assert len(lines) == 20_000
    assert sum("ERROR" in line for line in lines) == generators.LOG_ERRORS
    assert len(text) / len(lines) == pytest.approx(96, abs=5)
