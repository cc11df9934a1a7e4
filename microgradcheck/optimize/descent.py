"""What a descent leaves behind: every point that it visited, and why it ended."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from html import escape
from typing import Any, Final, NamedTuple

from microgradcheck.structure import is_array, take_apart

__all__ = ["Descent", "Status", "Step"]

_SHOWN_STEPS: Final = 5  # at either end of a table
_SHOWN_NUMBERS: Final = 6  # of one x or gradient


class Status(IntEnum):
    """Why a descent ended, as a number; `Descent.message` says it in words.

    Example:
        >>> from microgradcheck.optimize import minimize
        >>> minimize(lambda x: x**4, 10.0, learning_rate=1.0).status
        <Status.DIVERGED: 2>
    """

    DONE = 0
    """A tolerance was reached, or all steps were taken where none was set, or by the callback."""
    OUT_OF_STEPS = 1
    """All steps were taken before a tolerance that was set was reached."""
    DIVERGED = 2
    """f was undefined, not finite or growing."""
    STUCK = 3
    """The update rule found no step that lowers f."""
    WRONG_GRADIENT = 4
    """The gradient did not pass a check on the way."""
    INTERRUPTED = 5
    """A person pressed Ctrl-C."""


class Step(NamedTuple):
    """A point of a descent.

    Attributes:
        number: how many steps led to it; 0 for the start.
        x: the point, in the kind and shape of the start; of several arguments, a tuple.
        value: f there.
        gradient: the gradient of f there, in the kind and shape of x.

    Example:
        >>> from microgradcheck.optimize import minimize
        >>> minimize(lambda x: x * x, 3.0, steps=1).history[0]
        Step(number=0, x=3.0, value=9.0, gradient=6.0)
    """

    number: int
    x: Any
    value: float
    gradient: Any

    @property
    def gradient_norm(self) -> float:
        """The Euclidean length of the gradient."""
        return math.hypot(*entries(self.gradient))


@dataclass(frozen=True, repr=False)
class Descent:
    """A descent: where it went, and why it ended.

    Printed, it is a short table. Each line shows the new x, the gradient that led to it, and the
    cost, which is the value of f at the new x.

    Attributes:
        history: a `Step` for the start and for every step that was taken.
        source: the name of the gradient's source.
        optimizer: the name of the update rule.
        learning_rate: the learning rate or its schedule, in words.
        status: why it ended, a `Status`.
        message: why it ended, in words.
        nfev: how many calls of f were made, by the gradient's source and by the update rule.
        njev: how many gradients the source was asked for.
        report: where a check on the way failed, gradcheck's report; else None.
        names: the names of f's arguments.

    Example:
        >>> from microgradcheck.optimize import minimize
        >>> descent = minimize(lambda w: (w - 5) ** 2, 0.0, learning_rate=0.1, steps=2)
        >>> print(descent)
        backprop, gradient-descent, learning rate 0.1
        Start: w = 0.0000, Cost = 25.0000
        Step 1: w = 1.0000, Gradient = -10.0000, Cost = 16.0000
        Step 2: w = 1.8000, Gradient = -8.0000, Cost = 10.2400
        Took all 2 steps.
    """

    history: tuple[Step, ...]
    source: str
    optimizer: str
    learning_rate: str
    status: Status
    message: str
    nfev: int
    njev: int
    report: Any = None
    names: tuple[str, ...] = field(default=("x",), kw_only=True)

    @property
    def x(self) -> Any:
        """The end: the last point where f and its gradient are finite."""
        return self.history[-1].x

    @property
    def fun(self) -> float:
        """The value of f at the end."""
        return self.history[-1].value

    @property
    def jac(self) -> Any:
        """The gradient of f at the end."""
        return self.history[-1].gradient

    @property
    def best(self) -> Step:
        """The first step with the lowest value of f."""
        return min(self.history, key=lambda step: step.value)

    @property
    def success(self) -> bool:
        """Whether the descent ended as it was asked to."""
        return self.status == Status.DONE

    @property
    def nit(self) -> int:
        """The number of steps taken."""
        return len(self.history) - 1

    def __str__(self) -> str:
        lines = []
        for i in self._shown():
            step = self.history[i]
            x = ", ".join(f"{name} = {_show(argument)}" for name, argument in self._named(step.x))
            start = f"Step {i}: {x}, Gradient = {self._gradient_before(i)}" if i else f"Start: {x}"
            lines.append(f"{start}, Cost = {_show_number(step.value)}")
        if gap := self._hidden():
            lines.insert(_SHOWN_STEPS + 1, f"... {gap} steps ...")
        return "\n".join([self._heading(), *lines, self.message])

    def _repr_html_(self) -> str:
        rows = []
        for i in self._shown():
            step = self.history[i]
            x = [_show(argument) for _, argument in self._named(step.x)]
            cells = (str(i), *x, self._gradient_before(i), _show_number(step.value))
            rows.append(f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
        if self._hidden():
            rows.insert(_SHOWN_STEPS + 1, "<tr><td>…</td></tr>")
        titles = "".join(f"<th>{escape(title)}</th>" for title in ("step", *self.names))
        return (
            f"<p>{escape(self._heading())}</p><table><tr>{titles}<th>gradient</th><th>cost</th>"
            f"</tr>{''.join(rows)}</table><p>{escape(self.message)}</p>"
        )

    # As SciPy's results do, it shows its table where it is not printed, too.
    __repr__ = __str__

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data, which `json.dumps` takes as it is.

        Example:
            >>> from microgradcheck.optimize import minimize
            >>> descent = minimize(lambda x: x * x, 4.0, learning_rate=0.25, steps=1)
            >>> descent.to_dict()["history"][1]
            {'number': 1, 'x': 2.0, 'value': 4.0, 'gradient': 4.0}
        """
        return {
            "x": plain(self.x),
            "fun": self.fun,
            "jac": plain(self.jac),
            "success": self.success,
            "status": int(self.status),
            "message": self.message,
            "nfev": self.nfev,
            "njev": self.njev,
            "nit": self.nit,
            "source": self.source,
            "optimizer": self.optimizer,
            "learning_rate": self.learning_rate,
            "report": None if self.report is None else self.report.to_dict(),
            "history": [
                {name: plain(part) for name, part in step._asdict().items()}
                for step in self.history
            ],
        }

    def rows(self) -> list[dict[str, float]]:
        """Return one flat dictionary for each step, the rows of a table: `pandas.DataFrame(rows)`.

        Example:
            >>> from microgradcheck.optimize import minimize
            >>> descent = minimize(lambda p: p[0] * p[1], [4.0, 2.0], steps=0)
            >>> for name, entry in descent.rows()[0].items():
            ...     print(f"{name:16} {entry}")
            step             0
            p[0]             4.0
            p[1]             2.0
            value            8.0
            gradient of p[0] 2.0
            gradient of p[1] 4.0
            gradient norm    4.47213595499958
        """
        names = [
            name + index for name, argument in self._named(self.x) for index in _indices(argument)
        ]
        return [
            {
                "step": step.number,
                **dict(zip(names, entries(step.x), strict=True)),
                "value": step.value,
                **{
                    f"gradient of {name}": entry
                    for name, entry in zip(names, entries(step.gradient), strict=True)
                },
                "gradient norm": step.gradient_norm,
            }
            for step in self.history
        ]

    def _heading(self) -> str:
        return f"{self.source}, {self.optimizer}, {self.learning_rate}"

    def _hidden(self) -> int:
        """Return how many steps a table leaves out in its middle, for one line that says so."""
        between = self.nit - 2 * _SHOWN_STEPS
        return between if between > 1 else 0

    def _shown(self) -> list[int]:
        steps = list(range(self.nit + 1))
        del steps[_SHOWN_STEPS + 1 : _SHOWN_STEPS + 1 + self._hidden()]
        return steps

    def _named(self, x: Any) -> Iterable[tuple[str, Any]]:
        return zip(self.names, x if len(self.names) > 1 else (x,), strict=True)

    def _gradient_before(self, i: int) -> str:
        return _show(self.history[i - 1].gradient) if i else ""


def entries(thing: Any, name: str = "the argument") -> list[float]:
    """Return the numbers in a number, list, tuple or array as floats, in reading order."""
    return list(map(float, take_apart(thing, name=name)))


def plain(thing: Any) -> Any:
    """Return arrays and tuples as lists, and numbers as Python's own."""
    if is_array(thing):
        return thing.tolist()
    if isinstance(thing, (list, tuple)):
        return [plain(part) for part in thing]
    return thing


def _indices(thing: Any) -> Iterable[str]:
    """Return the index of each number, in reading order: "" for one number, "[0]", "[1][2]"."""
    if not isinstance(thing, (list, tuple)) and not (is_array(thing) and thing.ndim):
        return [""]
    return [f"[{i}]{index}" for i, part in enumerate(thing) for index in _indices(part)]


def _show(thing: Any) -> str:
    if isinstance(thing, list) or (is_array(thing) and thing.ndim):
        opening, closing = "[", "]"
    elif isinstance(thing, tuple):
        opening, closing = "(", ")"
    else:
        return _show_number(float(thing))
    numbers = entries(thing)
    shown = list(map(_show_number, numbers))
    if len(shown) > _SHOWN_NUMBERS:
        shown[2:-1] = ["..."]
        closing += f" of {len(numbers)}"
    return opening + ", ".join(shown) + closing


def _show_number(x: float) -> str:
    """Return four decimals, unless that hides a small number or makes a long row of digits."""
    return f"{x:.4f}" if x == 0 or 5e-5 <= abs(x) < 1e7 else f"{x:.4e}"
