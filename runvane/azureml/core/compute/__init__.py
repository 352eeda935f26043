"""`azureml.core.compute`."""

from runvane.azureml.core.compute_target import AmlCompute, ComputeTarget

__all__ = ["AmlCompute", "ComputeTarget"]
