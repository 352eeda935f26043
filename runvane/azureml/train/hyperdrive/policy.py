"""When a run of a sweep is stopped before its end."""

from typing import Any

from runvane.azureml.train.hyperdrive.exceptions import HyperDriveConfigException


class EarlyTerminationPolicy:
    """A value: who executes the sweep acts on it."""

    def __init__(self, name: str, **properties: Any) -> None:
        self._name = name
        self._properties = properties

    def to_json(self) -> dict[str, Any]:
        said: dict[str, Any] = {"name": self._name}
        return {**said, "properties": self._properties} if self._properties else said


class NoTerminationPolicy(EarlyTerminationPolicy):
    """Every run goes on to its end."""

    def __init__(self) -> None:
        super().__init__("Default")


class BanditPolicy(EarlyTerminationPolicy):
    """Runs that are worse than the best by more than a factor, or an amount."""

    def __init__(
        self,
        evaluation_interval: int = 1,
        slack_factor: float | None = None,
        slack_amount: float | None = None,
        delay_evaluation: int = 0,
    ) -> None:
        if bool(slack_factor) == bool(slack_amount):
            raise HyperDriveConfigException(
                "Bandit termination policy expects exactly one of slack factor or slack amount "
                "to be set."
            )
        slack = {"slack_factor": slack_factor, "slack_amount": slack_amount}
        super().__init__(
            "Bandit",
            evaluation_interval=evaluation_interval,
            delay_evaluation=delay_evaluation,
            **{key: value for key, value in slack.items() if value},
        )


class MedianStoppingPolicy(EarlyTerminationPolicy):
    """Runs whose best is worse than the median of the running means."""

    def __init__(self, evaluation_interval: int = 1, delay_evaluation: int = 0) -> None:
        super().__init__(
            "MedianStopping",
            evaluation_interval=evaluation_interval,
            delay_evaluation=delay_evaluation,
        )


class TruncationSelectionPolicy(EarlyTerminationPolicy):
    """The worst so many percent at each interval."""

    def __init__(
        self,
        truncation_percentage: int,
        evaluation_interval: int = 1,
        delay_evaluation: int = 0,
        exclude_finished_jobs: bool = False,
    ) -> None:
        super().__init__(
            "TruncationSelection",
            truncation_percentage=truncation_percentage,
            evaluation_interval=evaluation_interval,
            delay_evaluation=delay_evaluation,
            exclude_finished_jobs=exclude_finished_jobs,
        )
