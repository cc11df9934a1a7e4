"""What a descent leaves behind: every point that it visited, and why it ended."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import IntEnum
from html import escape
from itertools import chain
from typing import Any, Final, NamedTuple

from microgradcheck.structure import entry_names, indices_of, is_array, take_apart

_SHOWN_STEPS: Final = 5  # at either end of a table
_SHOWN_NUMBERS: Final = 6  # of one x or gradient


class Status(IntEnum):
    """Why a descent ended, as a number; `Descent.message` says it in words.

    Example:
        >>> from microgradcheck.optimize import minimize
        >>> minimize(lambda x: x**4, 10.0, learning_rate=1.0).status
        <Status.DIVERGED: 2>
    """

    DONE = 0  # as it was asked to: a tolerance, all steps where there is none, or the callback
    OUT_OF_STEPS = 1  # before a tolerance was reached
    DIVERGED = 2  # f was undefined, not finite or growing
    STUCK = 3  # no step lowers f
    WRONG_GRADIENT = 4  # by a check on the way
    INTERRUPTED = 5  # by Ctrl-C


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

    Printed, it is a short table: each new x, the gradient that led to it, and f there, the cost.

    Attributes:
        history: a `Step` for the start and for every step taken.
        source: the name of the gradient's source.
        optimizer: the name of the update rule.
        learning_rate: the learning rate or its schedule, in words.
        status: why it ended, a `Status`.
        message: why it ended, in words.
        nfev: how many calls of f were made, those of `check_every` not counted.
        njev: how many gradients were computed.
        report: gradcheck's, where a check on the way failed; else None.
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
        titles = [*self.names, "Gradient", "Cost"]
        lines = [self._heading()]
        for step, *cells in self._table():
            told = [f"{title} = {cell}" for title, cell in zip(titles, cells, strict=False) if cell]
            head = "Start" if step == "0" else f"Step {step}"
            lines.append(f"{head}: {', '.join(told)}" if told else step)
        return "\n".join([*lines, self.message])

    # As SciPy's results do, it shows its table where it is not printed, too.
    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = [[f"<td>{cell}</td>" for cell in cells] for cells in self._table()]
        titles = ("step", *self.names, "gradient", "cost")
        rows.insert(0, [f"<th>{escape(title)}</th>" for title in titles])
        table = "".join(f"<tr>{''.join(cells)}</tr>" for cells in rows)
        heading, message = escape(self._heading()), escape(self.message)
        return f"<p>{heading}</p><table>{table}</table><p>{message}</p>"

    def _heading(self) -> str:
        return f"{self.source}, {self.optimizer}, {self.learning_rate}"

    def _table(self) -> list[list[str]]:
        """Return the cells of each line, and the steps left out in the middle as one cell."""
        steps = range(self.nit + 1)
        hidden = len(steps[_SHOWN_STEPS + 1 : -_SHOWN_STEPS])
        if hidden < 2:
            return list(map(self._cells, steps))
        first, last = steps[: _SHOWN_STEPS + 1], steps[-_SHOWN_STEPS:]
        gap = [f"... {hidden} steps ..."]
        return [*map(self._cells, first), gap, *map(self._cells, last)]

    def _cells(self, i: int) -> list[str]:
        step = self.history[i]
        gradient = _show(self.history[i - 1].gradient) if i else ""
        return [str(i), *map(_show, arguments_of(self, step.x)), gradient, _show_number(step.value)]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data, which `json.dumps` takes as it is.

        Example:
            >>> from microgradcheck.optimize import minimize
            >>> descent = minimize(lambda x: x * x, 4.0, learning_rate=0.25, steps=1)
            >>> descent.to_dict()["history"][1]
            {'number': 1, 'x': 2.0, 'value': 4.0, 'gradient': 4.0}
        """
        outcome = ("x", "fun", "jac", "success", "status", "message", "nfev", "njev", "nit")
        made_by = ("source", "optimizer", "learning_rate")
        return {
            "names": [*self.names],
            **{name: _plain(getattr(self, name)) for name in (*outcome, *made_by)},
            "report": None if self.report is None else self.report.to_dict(),
            "history": [
                {name: _plain(part) for name, part in step._asdict().items()}
                for step in self.history
            ],
        }

    def rows(self) -> list[dict[str, float]]:
        """Return one flat dictionary for each step, the rows of a table: `pandas.DataFrame(rows)`.

        Example:
            >>> from microgradcheck.optimize import minimize
            >>> minimize(lambda p: p[0] * 2, [4.0], steps=0).rows()
            [{'step': 0, 'p[0]': 4.0, 'value': 8.0, 'gradient of p[0]': 2.0, 'gradient norm': 2.0}]
        """
        # An argument may have the name of another column.
        names = [f"argument {x}" if x in ("step", "value") else x for x in names_in(self)]
        slopes = [f"gradient of {name}" for name in names]
        return [
            {
                "step": step.number,
                **dict(zip(names, entries(step.x), strict=True)),
                "value": step.value,
                **dict(zip(slopes, entries(step.gradient), strict=True)),
                "gradient norm": step.gradient_norm,
            }
            for step in self.history
        ]


def arguments_of(descent: Descent, x: Any) -> tuple[Any, ...]:
    """Return what f is called with at a point of a descent."""
    return x if len(descent.names) > 1 else (x,)


def names_in(descent: Descent) -> list[str]:
    """Return what every number of a descent's x is called."""
    return list(chain(*map(entry_names, descent.names, arguments_of(descent, descent.x))))


def entries(thing: Any, name: str = "the argument") -> list[float]:
    """Return the numbers in a number, list, tuple or array as floats, in reading order."""
    return list(map(float, take_apart(thing, name=name)))


def _plain(thing: Any) -> Any:
    """Return arrays and tuples as lists, and numbers as Python's own."""
    if is_array(thing):
        return thing.tolist()
    if isinstance(thing, (list, tuple)):
        return list(map(_plain, thing))
    return int(thing) if isinstance(thing, Status) else thing


def _show(thing: Any) -> str:
    numbers = entries(thing)
    if indices_of(thing) == [()]:
        return _show_number(numbers[0])
    opening, closing = "()" if isinstance(thing, tuple) else "[]"
    if len(numbers) <= _SHOWN_NUMBERS:
        return opening + ", ".join(map(_show_number, numbers)) + closing
    first, second, last = map(_show_number, (*numbers[:2], numbers[-1]))
    return f"{opening}{first}, {second}, ..., {last}{closing} of {len(numbers)}"


def _show_number(x: float) -> str:
    """Return four decimals, unless that hides a small number or makes a long row of digits."""
    return f"{x:.4f}" if x == 0 or 5e-5 <= abs(x) < 1e7 else f"{x:.4e}"
