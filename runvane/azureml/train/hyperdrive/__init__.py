"""`azureml.train.hyperdrive`: sweeps over parameters."""

from runvane.azureml import _places
from runvane.azureml.train.hyperdrive import _sweep
from runvane.azureml.train.hyperdrive.parameter_expressions import (
    choice,
    lognormal,
    loguniform,
    normal,
    qlognormal,
    qloguniform,
    qnormal,
    quniform,
    randint,
    uniform,
)
from runvane.azureml.train.hyperdrive.policy import (
    BanditPolicy,
    EarlyTerminationPolicy,
    MedianStoppingPolicy,
    NoTerminationPolicy,
    TruncationSelectionPolicy,
)
from runvane.azureml.train.hyperdrive.run import HyperDriveRun
from runvane.azureml.train.hyperdrive.runconfig import (
    HyperDriveConfig,
    HyperDriveRunConfig,
    PrimaryMetricGoal,
)
from runvane.azureml.train.hyperdrive.sampling import (
    GridParameterSampling,
    HyperParameterSampling,
    RandomParameterSampling,
)

_places.SUBMITTERS[HyperDriveConfig] = _sweep.submit

__all__ = [
    "BanditPolicy",
    "EarlyTerminationPolicy",
    "GridParameterSampling",
    "HyperDriveConfig",
    "HyperDriveRun",
    "HyperDriveRunConfig",
    "HyperParameterSampling",
    "MedianStoppingPolicy",
    "NoTerminationPolicy",
    "PrimaryMetricGoal",
    "RandomParameterSampling",
    "TruncationSelectionPolicy",
    "choice",
    "lognormal",
    "loguniform",
    "normal",
    "qlognormal",
    "qloguniform",
    "qnormal",
    "quniform",
    "randint",
    "uniform",
]
