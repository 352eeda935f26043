"""What a hyper-parameter may be: `[distribution, [its numbers]]`, as HyperDrive writes it."""

from collections.abc import Sequence
from typing import Any, TypeAlias, cast

from runvane.azureml.train.hyperdrive.exceptions import HyperDriveConfigException

Expression: TypeAlias = list[Any]


def choice(*options: Any) -> Expression:
    """One of these, or of a single list or range."""
    if not options:
        raise HyperDriveConfigException("Please specify an input for choice.")
    for each in options:
        if isinstance(each, list | range):
            if len(options) > 1 or not each:
                raise _wrong(
                    "choice",
                    "non-empty single list, non-empty single range() or a positive number of "
                    "arbitrary comma separated inputs.",
                )
            return ["choice", [list(cast("Sequence[Any]", each))]]
    return ["choice", [list(options)]]


def randint(upper: int) -> Expression:
    """A whole number from 0 to less than `upper`."""
    if not isinstance(cast("Any", upper), int) or upper <= 0:
        raise _wrong("randint", "a positive number as input")
    return ["randint", [upper]]


def uniform(min_value: float, max_value: float) -> Expression:
    return _between("uniform", min_value, max_value)


def quniform(min_value: float, max_value: float, q: float) -> Expression:
    """`round(uniform / q) * q`."""
    return _between("quniform", min_value, max_value, q)


def loguniform(min_value: float, max_value: float) -> Expression:
    """`exp(uniform)`."""
    return _between("loguniform", min_value, max_value)


def qloguniform(min_value: float, max_value: float, q: float) -> Expression:
    return _between("qloguniform", min_value, max_value, q)


def normal(mu: float, sigma: float) -> Expression:
    return _around("normal", mu, sigma)


def qnormal(mu: float, sigma: float, q: float) -> Expression:
    return _around("qnormal", mu, sigma, q)


def lognormal(mu: float, sigma: float) -> Expression:
    """`exp(normal)`."""
    return _around("lognormal", mu, sigma)


def qlognormal(mu: float, sigma: float, q: float) -> Expression:
    return _around("qlognormal", mu, sigma, q)


def _between(name: str, low: float, high: float, *q: float) -> Expression:
    _check_number(name, "min_value", low)
    _check_number(name, "max_value", high)
    _check_whole(name, *q)
    if low > high or (low == high and "log" not in name):
        raise _wrong(name, f"min_value {'<=' if 'log' in name else '<'} max_value")
    return [name, [low, high, *q]]


def _around(name: str, mu: float, sigma: float, *q: float) -> Expression:
    _check_number(name, "mu", mu)
    _check_number(name, "sigma", sigma)
    _check_whole(name, *q)
    if sigma < 0:
        raise _wrong(name, "sigma to be non negative")
    return [name, [mu, sigma, *q]]


def _check_number(name: str, what: str, value: Any) -> None:
    if not isinstance(value, int | float):
        raise _wrong(name, f"{what} to be a float")


def _check_whole(name: str, *q: Any) -> None:
    for each in q:
        if not isinstance(each, int | float) or each != int(each):
            raise _wrong(name, "q to be an int")


def _wrong(name: str, condition: str) -> HyperDriveConfigException:
    return HyperDriveConfigException(f"{name} expects {condition}")
