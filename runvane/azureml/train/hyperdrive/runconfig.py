"""What a sweep is to be."""

from enum import Enum
from typing import Any

from runvane.azureml._limits import say
from runvane.azureml.train.hyperdrive.exceptions import HyperDriveConfigException
from runvane.azureml.train.hyperdrive.policy import EarlyTerminationPolicy, NoTerminationPolicy
from runvane.azureml.train.hyperdrive.sampling import HyperParameterSampling

MAX_DURATION_MINUTES = 10_080
TOTAL_RUNS_MAX = 1000
CONCURRENT_RUNS_MAX = 100


class PrimaryMetricGoal(Enum):
    """Which way the primary metric is better."""

    MAXIMIZE = "MAXIMIZE"
    MINIMIZE = "MINIMIZE"

    @staticmethod
    def from_str(goal: str) -> "PrimaryMetricGoal":
        try:
            return PrimaryMetricGoal(goal.upper())
        except ValueError:
            raise HyperDriveConfigException(
                "The primary metric goal expects either 'maximize' or 'minimize'."
            ) from None


class HyperDriveConfig:
    """A value; `run_config` is the ScriptRunConfig that each setting executes."""

    def __init__(
        self,
        hyperparameter_sampling: HyperParameterSampling,
        primary_metric_name: str,
        primary_metric_goal: PrimaryMetricGoal,
        max_total_runs: int,
        max_concurrent_runs: int | None = None,
        max_duration_minutes: int = MAX_DURATION_MINUTES,
        policy: EarlyTerminationPolicy | None = None,
        estimator: Any = None,
        run_config: Any = None,
        resume_from: Any = None,
        resume_child_runs: Any = None,
        pipeline: Any = None,
        debug_flag: Any = None,
        custom_run_id: str | None = None,
    ) -> None:
        given = [each for each in (estimator, run_config, pipeline) if each is not None]
        if len(given) != 1:
            count = "at least" if not given else "only"
            raise HyperDriveConfigException(
                f"HyperDriveConfig expects {count} one of estimator, run_config, pipeline to be set"
            )
        if max_total_runs > TOTAL_RUNS_MAX:
            say(f"Azure takes {TOTAL_RUNS_MAX:,} runs of a sweep; this one has {max_total_runs:,}")
        if (max_concurrent_runs or 0) > CONCURRENT_RUNS_MAX:
            say(f"Azure executes {CONCURRENT_RUNS_MAX} runs of a sweep at once; here are more")
        self.run_config = given[0]
        self.hyperparameter_sampling = hyperparameter_sampling
        self.policy = policy or NoTerminationPolicy()
        self.primary_metric_name = primary_metric_name
        self.primary_metric_goal = primary_metric_goal
        self.max_total_runs = max_total_runs
        self.max_concurrent_runs = max_concurrent_runs or max_total_runs
        self.max_duration_minutes = min(max_duration_minutes, MAX_DURATION_MINUTES)
        self.custom_run_id = custom_run_id
        self.resume_from = resume_from
        self.resume_child_runs = resume_child_runs

    def to_tags(self) -> dict[str, Any]:
        """What Azure writes into the tags of the parent, each as JSON."""
        goal = self.primary_metric_goal.name.lower()
        return {
            "primary_metric_config": {"name": self.primary_metric_name, "goal": goal},
            "generator_config": self.hyperparameter_sampling.to_json(),
            "policy_config": self.policy.to_json(),
            "max_total_jobs": self.max_total_runs,
            "max_concurrent_jobs": self.max_concurrent_runs,
            "max_duration_minutes": self.max_duration_minutes,
        }


HyperDriveRunConfig = HyperDriveConfig
