"""The descent itself: follow a gradient source by an update rule until there is a reason to end."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import copy
from typing import Any

from microgradcheck.optimize.arguments import real, whole
from microgradcheck.optimize.descent import Descent, Status, Step
from microgradcheck.optimize.endings import Ending, Endings
from microgradcheck.optimize.problem import Problem
from microgradcheck.optimize.progress import bar
from microgradcheck.optimize.rules import resolve_rule
from microgradcheck.optimize.schedules import LearningRate, Schedule
from microgradcheck.optimize.walk import Walk
from microgradcheck.sources import resolve

__all__ = ["minimize"]


def minimize(
    f: Callable[..., Any],
    x0: Any,
    *more: Any,
    gradient: Any = "backprop",
    optimizer: Any = "gradient-descent",
    learning_rate: float | Schedule | None = None,
    steps: int = 100,
    gradient_below: float | None = None,
    step_below: float | None = None,
    value_below: float | None = None,
    check_every: int = 0,
    callback: Callable[[Step], Any] | None = None,
    progress: bool = False,
) -> Descent:
    """Descend from a start along the gradient of a function, from any source of gradients.

    Args:
        f: a function of numbers, lists, tuples or arrays that returns one number.
        x0: the start: a number, or a list, tuple or array of numbers, nested or not. It is one
            argument of f, whatever its kind: a tuple reaches f as a tuple.
        more: the starts of f's further arguments, where it has several.
        gradient: a name such as "backprop" or "central-difference", a function `gradient(x)`, or
            an object with `value_and_gradient(f, x)`.
        optimizer: a name ("gradient-descent", "momentum", "nesterov", "rmsprop", "adam" or
            "line-search") or an update rule such as `Adam(epsilon=1e-6)`. A rule is copied
            before it is used, so that one can serve many descents.
        learning_rate: a positive number, or a function that takes the number of steps taken so
            far and returns one. By default the rule's own: 0.1 for gradient descent, 1 for the
            line search, 0.01 for the others.
        steps: how many steps to take at most.
        gradient_below: end where the Euclidean length of the gradient is below this.
        step_below: end after a step of a Euclidean length below this.
        value_below: end where f is below this.
        check_every: at the start and after every so many steps, compare the gradient with finite
            differences by `gradcheck`, and end where it is wrong; by default never. The message
            tells of checks that could not tell.
        callback: called with every `Step`, the start included; it ends the descent by returning
            True.
        progress: whether to show a progress bar on stderr.

    Returns:
        A `Descent`. With no reason to end sooner it has `steps + 1` entries in its `history`. Of
        several arguments, x and the gradient are tuples with one entry each. Ctrl-C ends the
        descent, and what was reached is returned.

    Raises:
        TypeError: an argument is not what is said above, or f does not return one number.
        ValueError: a name is unknown, a number is out of range, or the start is empty or not
            finite, or f or its gradient is not finite there.
        ArithmeticError: f or its gradient overflows or divides by zero at the start.

    Limits: it ends as diverged, with the last good point kept, where f or its gradient is
    undefined or not finite, where f rose ten times in a row above all that went before, and where
    f is higher after the last step than at the start. The history keeps every x and gradient.

    Example:
        >>> descent = minimize(lambda w: (w - 5) ** 2, 0.0, learning_rate=0.1, steps=30)
        >>> round(descent.x, 4)
        4.9938
        >>> minimize(lambda x, y: x**2 + y**2, 10.0, -10.0, steps=1).x
        (8.0, -8.0)
    """
    if callback is not None and not callable(callback):
        raise TypeError(f"callback is a function of a Step, got {callback!r}")
    source, rule = resolve(gradient), copy(resolve_rule(optimizer))
    rate = LearningRate(rule.learning_rate if learning_rate is None else learning_rate)
    endings = Endings(
        steps=whole("steps", steps, least=0),
        gradient_below=_bound("gradient_below", gradient_below, least=0),
        step_below=_bound("step_below", step_below, least=0),
        value_below=_bound("value_below", value_below),
        check_every=whole("check_every", check_every, least=0),
        callback=callback,
    )
    problem = Problem(f, (x0, *more), source)
    walk = Walk(problem, rule)
    ending = None
    try:
        with bar(endings.steps if progress else None) as show:
            while ending is None:
                show(walk.last)
                ending = endings.reason(walk) or endings.attempt(walk, rate(walk.last.number))
    except KeyboardInterrupt:
        ending = Ending(Status.INTERRUPTED, f"Interrupted after step {walk.last.number}.")
    return Descent(
        tuple(walk.history),
        source=source.name,
        optimizer=rule.name,
        learning_rate=rate.name,
        status=ending.status,
        message=ending.message + endings.doubts(),
        nfev=problem.calls,
        njev=problem.gradients,
        report=ending.report,
        names=problem.names,
    )


def _bound(name: str, given: object, *, least: float = -math.inf) -> float | None:
    return None if given is None else real(name, given, least=least)
