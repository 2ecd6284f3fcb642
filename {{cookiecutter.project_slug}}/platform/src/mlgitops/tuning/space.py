"""The settings that a search tries: those of `tune.space` in params.yaml, for one algorithm or for several."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..common.errors import ProjectError
from ..contract.contract import Contract
from ..contract.params import Params
from ..model import pipeline

if TYPE_CHECKING:
    import optuna

SECTION = "tune.space"
DIGITS = 4  # of a number in params.yaml
LARGE_RATIO = 10  # of the ends of a range, which is searched by magnitude then


@dataclass(frozen=True)
class Space:
    """The settings of one algorithm: those that stay, and the values of those that are searched."""

    section: str
    base: dict[str, Any]
    values: Mapping[str, Sequence[Any]]


def spaces(params: Params) -> dict[str, Space]:
    """Return the space of each algorithm; raises ProjectError if `tune.space` is empty or mixes both forms."""
    space = params.tune.space
    nested = {name: values for name, values in space.items() if isinstance(values, dict)}
    flat = {name: values for name, values in space.items() if not isinstance(values, dict)}
    if nested and flat:
        raise ProjectError(
            f"{pipeline.setting(next(iter(flat)), SECTION)}a setting beside algorithms: put it below one of them"
        )
    if not space:
        raise ProjectError("params.yaml: tune.space is empty: list the values of each setting, such as C: [0.01, 10.0]")
    if flat:
        return {"model": Space(SECTION, params.model, flat)}
    return {name: Space(f"{SECTION}.{name}", _base(params, name), values) for name, values in nested.items()}


def _base(params: Params, algorithm: str) -> dict[str, Any]:
    if params.model.get("algorithm") == algorithm:
        return params.model
    return {"algorithm": algorithm} | {name: params.model[name] for name in ["random_state"] if name in params.model}


def check(contract: Contract, every: Mapping[str, Space]) -> None:
    """Raise ProjectError, naming file and line, for an algorithm, a setting or a value that the model refuses."""
    for space in every.values():
        pipeline.build(contract, space.base, space.section)
        for name, values in space.values.items():
            if is_range(values) and values[0] > values[1]:
                place = pipeline.setting(name, space.section)
                raise ProjectError(f"{place}the lowest value, {values[0]:g}, is larger than the highest, {values[1]:g}")
            for value in values:
                pipeline.build(contract, space.base | {name: value}, space.section)


def is_range(values: Sequence[Any]) -> bool:
    """Return whether *values* are the lowest and the highest number."""
    return len(values) == 2 and all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)


def suggest(trial: "optuna.Trial", every: Mapping[str, Space]) -> dict[str, Any]:
    """Return the settings of a trial, as they would be written into params.yaml."""
    label = next(iter(every)) if len(every) == 1 else str(trial.suggest_categorical("algorithm", list(every)))
    space = every[label]
    values = {name: _suggest(trial, f"{label}.{name}", values) for name, values in space.values.items()}
    return space.base | values


def _suggest(trial: "optuna.Trial", name: str, values: Sequence[Any]) -> Any:
    if not is_range(values):
        return trial.suggest_categorical(name, list(values))
    low, high = values
    log = low > 0 and high / low >= LARGE_RATIO
    if isinstance(low, int) and isinstance(high, int):
        return trial.suggest_int(name, low, high, log=log)
    value = float(f"{trial.suggest_float(name, low, high, log=log):.{DIGITS}g}")
    return min(max(value, float(low)), float(high))


def current(params: Params, every: Mapping[str, Space]) -> dict[str, Any] | None:
    """Return the settings of params.yaml as parameters of a trial; None if they are not all in the space."""
    for label, space in every.items():
        if space.base is params.model and all(_contains(v, params.model.get(n)) for n, v in space.values.items()):
            values = {f"{label}.{name}": params.model[name] for name in space.values if name in params.model}
            return values | ({"algorithm": label} if len(every) > 1 else {})
    return None


def _contains(values: Sequence[Any], value: Any) -> bool:
    if not is_range(values):
        return value in values
    return isinstance(value, int | float) and values[0] <= value <= values[1]
