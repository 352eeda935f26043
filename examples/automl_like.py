"""
A small search for a model, as automated machine learning does it, of two sorts.

Each search is a run of type `automl`, and each pipeline that it tries is a child of it with
its algorithm and its score: digits are told apart, the course of diabetes is predicted. The charts
are those of Azure's AutoML: confusion matrix and accuracy table (ROC, precision and recall,
lift, gain, calibration), residuals, and predicted against true values.

    python examples/automl_like.py --iterations 4
"""

# scikit-learn tells its types to nobody.
# pyright: reportMissingTypeStubs=false

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from sklearn import (
    datasets,
    ensemble,
    linear_model,
    metrics,
    neighbors,
    pipeline,
    preprocessing,
    tree,
)

import runvane

Array = NDArray[np.float64]
# Thresholds of the tables, and bins of the histograms.
THRESHOLDS, BINS = 50, 12
# The package without the types that it does not have.
SK = (datasets, ensemble, linear_model, metrics, neighbors, pipeline, preprocessing, tree)
DATA, FORESTS, LINEAR, SCORES, NEAR, STEPS, SCALE, TREES = cast("Any", SK)


@dataclass(frozen=True)
class Pipeline:
    preprocessor: str
    algorithm: str
    make: Callable[[], Any]

    def fitted(self, x: Array, y: Array) -> Any:
        scale = {"StandardScaler": SCALE.StandardScaler, "MinMaxScaler": SCALE.MinMaxScaler}
        made = STEPS.make_pipeline(scale[self.preprocessor](), self.make())
        return made.fit(x, y)


@dataclass(frozen=True)
class Search:
    name: str
    task: str
    metric: str
    goal: str
    load: Callable[[], Any]
    pipelines: Sequence[Pipeline]
    judge: Callable[[runvane.Run, Any, Array, Array], float]


def judge_classes(run: runvane.Run, model: Any, x: Array, y: Array) -> float:
    chances: Array = model.predict_proba(x)
    told = chances.argmax(axis=1)
    labels = [str(label) for label in model.classes_]
    accuracy = float((told == y).mean())
    run.log({"accuracy": accuracy, "log_loss": float(SCORES.log_loss(y, chances))})
    matrix = SCORES.confusion_matrix(y, told).tolist()
    run.log_chart("confusion_matrix", "confusion_matrix", _chart(
        "confusion_matrix", "1.0.0", {"class_labels": labels, "matrix": matrix}))  # fmt: skip
    run.log_chart("accuracy_table", "accuracy_table", accuracy_table(labels, y, chances))
    return accuracy


def judge_numbers(run: runvane.Run, model: Any, x: Array, y: Array) -> float:
    told: Array = model.predict(x)
    error = float(np.sqrt(((told - y) ** 2).mean()))
    run.log({"root_mean_squared_error": error, "r2_score": float(SCORES.r2_score(y, told))})
    counts, edges = np.histogram(y - told, BINS)
    run.log_chart("residuals", "residuals", _chart("residuals", "1.0.0", {
        "bin_edges": edges.tolist(), "bin_counts": counts.tolist(),
        "mean": float((y - told).mean()), "stddev": float((y - told).std()), "res_count": len(y),
    }))  # fmt: skip
    edges = np.histogram_bin_edges(y, BINS)
    places = np.clip(np.digitize(y, edges) - 1, 0, BINS - 1)
    inside = [told[places == place] for place in range(BINS)]
    run.log_chart("predictions", "predictions", _chart("predictions", "1.0.0", {
        "bin_averages": [float(each.mean()) if len(each) else 0.0 for each in inside],
        "bin_errors": [float(each.std()) if len(each) else 0.0 for each in inside],
        "bin_counts": [len(each) for each in inside],
        "bin_edges": edges.tolist(),
    }))  # fmt: skip
    return error


def accuracy_table(labels: Sequence[str], y: Array, chances: Array) -> Mapping[str, Any]:
    """
    Per class and threshold: true and false positives, true and false negatives.

    Azure's schema 1.0.1; thresholds are chances in the one table, and in the other the share
    of all that is called positive.
    """
    shares = np.linspace(0, 1, THRESHOLDS)
    tables: dict[str, list[Any]] = {"probability_tables": [], "percentile_tables": []}
    for number in range(len(labels)):
        chance, is_it = chances[:, number], y == number
        ranked = np.quantile(chance, 1 - shares)
        for name, limits in (("probability_tables", shares), ("percentile_tables", ranked)):
            tables[name].append([_counts(chance >= limit, is_it) for limit in limits])
    percentiles = {"percentile_thresholds": shares.tolist()}
    thresholds = {"probability_thresholds": shares.tolist(), **percentiles}
    data = {**tables, **thresholds, "class_labels": [*labels]}
    return _chart("accuracy_table", "1.0.1", data)


def search(sought: Search, *, iterations: int) -> str:
    """The id of its run."""
    (x, y), rng = sought.load(), np.random.default_rng(0)
    train, test = np.split(rng.permutation(len(y)), [len(y) * 3 // 4])
    settings = {"primary_metric": sought.metric, "metric_operation": sought.goal,
                "task_type": sought.task}  # fmt: skip
    scores: dict[str, float] = {}
    with runvane.Run("automl", name=sought.name, kind="automl") as parent:
        parent.describe(primary_metric=sought.metric, primary_goal=cast("Any", sought.goal))
        parent.properties(AMLSettingsJsonString=json.dumps(settings), primary_metric=sought.metric)
        for iteration, tried in enumerate(sought.pipelines[:iterations]):
            name = f"{tried.preprocessor}, {tried.algorithm}"
            with parent.child_run(f"pipeline {iteration}") as child:
                child.describe(primary_metric=sought.metric)
                child.properties(
                    iteration=str(iteration),
                    run_algorithm=tried.algorithm,
                    run_preprocessor=tried.preprocessor,
                    runTemplate="automl_child",
                )
                model = tried.fitted(x[train], y[train])
                scores[child.id] = score = sought.judge(child, model, x[test], y[test])
                child.properties(score=str(score))
            print(f"{name:<45} {sought.metric} {score:.3f}")
        better = max if sought.goal == "maximize" else min
        parent.tag("automl_best_child_run_id", better(scores, key=lambda each: scores[each]))
    return parent.id


def _chart(kind: str, version: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"schema_type": kind, "schema_version": version, "data": data}


def _counts(told: NDArray[np.bool_], is_it: NDArray[np.bool_]) -> list[int]:
    both = (told & is_it, told & ~is_it, ~told & ~is_it, ~told & is_it)
    return [int(each.sum()) for each in both]


CLASSES = Search(
    "which digit is it", "classification", "accuracy", "maximize",
    lambda: DATA.load_digits(return_X_y=True),
    [
        Pipeline("StandardScaler", "LogisticRegression", LINEAR.LogisticRegression),
        Pipeline("MinMaxScaler", "KNN", NEAR.KNeighborsClassifier),
        Pipeline("StandardScaler", "DecisionTree", TREES.DecisionTreeClassifier),
        Pipeline("MinMaxScaler", "RandomForest", FORESTS.RandomForestClassifier),
    ],
    judge_classes,
)  # fmt: skip
NUMBERS = Search(
    "the course of diabetes", "regression", "root_mean_squared_error", "minimize",
    lambda: DATA.load_diabetes(return_X_y=True),
    [
        Pipeline("StandardScaler", "ElasticNet", LINEAR.ElasticNet),
        Pipeline("MinMaxScaler", "KNN", NEAR.KNeighborsRegressor),
        Pipeline("StandardScaler", "RandomForest", FORESTS.RandomForestRegressor),
        Pipeline("StandardScaler", "LassoLars", LINEAR.LassoLars),
    ],
    judge_numbers,
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description="Search for models as AutoML does.")
    parser.add_argument("--iterations", type=int, default=4, help="pipelines of each search")
    chosen = parser.parse_args()
    for sought in (CLASSES, NUMBERS):
        print(search(sought, iterations=chosen.iterations))


if __name__ == "__main__":
    main()
