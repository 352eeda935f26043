"""
Azure ML SDK v1's names over Runvane.

A script changes its imports, from `azureml` to `runvane.azureml`, and nothing else; or it
calls `install()` first, and changes nothing.
"""

from runvane.azureml._names import install, uninstall

__all__ = ["install", "uninstall"]
