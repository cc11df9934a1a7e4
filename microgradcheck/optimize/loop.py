"""The descent itself: follow a gradient source by an update rule until there is a reason to end."""

from __future__ import annotations

import errno
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from copy import deepcopy
from typing import Any, Final

from microgradcheck.optimize.descent import Descent, Status, Step
from microgradcheck.optimize.rules import resolve_rule
from microgradcheck.optimize.step_sizes import NoDescentError, Schedule, as_schedule
from microgradcheck.optimize.walk import UNSURE, Walk
from microgradcheck.sources import resolve
from microgradcheck.structure import count, is_numpy, real, whole

_RISES: Final = 10  # Heavy balls climb, but not ten times in a row to where no step was before.


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
            before it is used, so that one can serve many descents; but not one that cannot be,
            since it holds a lock or a file.
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
            True, Python's or NumPy's.
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
    f is higher after the last step than at the start, unless the callback ended it. The
    history keeps every x and gradient, arrays as they are: change copies of them.

    Example:
        >>> descent = minimize(lambda w: (w - 5) ** 2, 0.0, learning_rate=0.1, steps=30)
        >>> round(descent.x, 4)
        4.9938
        >>> minimize(lambda x, y: x**2 + y**2, 10.0, -10.0, steps=1).x
        (8.0, -8.0)
    """
    if callback is not None and not callable(callback):
        raise TypeError(f"callback is a function of a Step, got {callback!r}")
    source, rule = resolve(gradient), resolve_rule(optimizer)
    with suppress(TypeError):
        rule = deepcopy(rule)
    rate = as_schedule(rule.learning_rate if learning_rate is None else learning_rate)
    steps = whole("steps", steps, least=0)
    check_every = whole("check_every", check_every, least=0)
    lengths = {"gradient_below": gradient_below, "step_below": step_below}
    tolerances = {name: real(name, x, least=0) for name, x in lengths.items() if x is not None}
    if value_below is not None:
        tolerances["value_below"] = real("value_below", value_below)
    walk = Walk(f, (x0, *more), source, rule)
    ending = None
    try:
        with _bar(steps) if progress else nullcontext(lambda step: None) as show:
            while ending is None:
                show(walk.last)
                answer = None if callback is None else callback(walk.last)
                if answer is True or (is_numpy(answer, "bool") and answer):
                    ending = Status.DONE, f"Ended by the callback after {_count(walk)}."
                else:
                    ending = _reason_to_end(walk, steps, tolerances, check_every)
                    ending = ending or _advance(walk, rate(walk.last.number))
    except KeyboardInterrupt:
        ending = Status.INTERRUPTED, f"Interrupted after step {walk.last.number}."
    status, message = ending
    return Descent(
        tuple(walk.history),
        source=source.name,
        optimizer=rule.name,
        learning_rate=rate.__name__,
        status=status,
        message=message + _doubts(walk),
        nfev=walk.calls,
        njev=walk.gradients,
        report=walk.report if status == Status.WRONG_GRADIENT else None,
        names=walk.names,
    )


Ending = tuple[Status, str]


def _reason_to_end(
    walk: Walk, steps: int, tolerances: dict[str, float], check_every: int
) -> Ending | None:
    """Return why to end here, the first reason to be told, or None."""
    last = walk.last
    if check_every and last.number % check_every == 0 and not walk.passes_check():
        return (
            Status.WRONG_GRADIENT,
            f"The gradient from {walk.source.name} does not pass gradcheck after {_count(walk)}: "
            f"{walk.verdicts[-1]}; print this descent's .report.",
        )
    for what, reached, name in (
        ("The gradient's length", last.gradient_norm, "gradient_below"),
        ("The step's length", walk.length, "step_below"),
        ("The value of f", last.value, "value_below"),
    ):
        if reached < (bound := tolerances.get(name, -math.inf)):
            near, limit = f"{reached:.4g}", f"{bound:.15g}"
            if float(near) >= float(limit):  # Four digits would hide that it is below.
                near = repr(reached)
            return _end(walk, f"{what}, {near}, is below {limit} after {_count(walk)}")
    if walk.rises >= _RISES:
        start = walk.history[-1 - _RISES].value
        return (
            Status.DIVERGED,
            f"Diverged: in each of the last {_RISES} steps f rose, from {start:.4g} to "
            f"{last.value:.4g} in all; {_advice(walk)}",
        )
    if last.number == steps:
        return _out_of_steps(walk, tolerances)
    return None


def _out_of_steps(walk: Walk, tolerances: dict[str, float]) -> Ending:
    taken = f"Took all {_count(walk)}"
    if tolerances and not walk.has_risen:
        missed = " or ".join(f"{name}={bound:.15g}" for name, bound in tolerances.items())
        return Status.OUT_OF_STEPS, f"{taken} without reaching {missed}; take more steps."
    return _end(walk, taken)


def _end(walk: Walk, told: str) -> Ending:
    """Return the end that was sought, unless f is higher there than at the start."""
    if not any(step.gradient_norm for step in walk.history):
        told += ", and the gradient is 0 from the start on: this is a flat place"
        if not walk.verdicts or _doubts(walk):
            told += (
                ", or f loses track of x, as by math.exp in place of microgradcheck.exp; gradcheck "
                "can tell"
            )
    if not walk.has_risen:
        return Status.DONE, f"{told}."
    rise = f"f rose from {walk.history[0].value:.4g} to {walk.last.value:.4g}"
    return Status.DIVERGED, f"{told}, but diverged: {rise}; {_advice(walk)}"


def _advance(walk: Walk, rate: float) -> Ending | None:
    """Take a step, and return why there is none to take, or None."""
    try:
        walk.advance(rate)
    except NoDescentError as error:
        return Status.STUCK, f"Stuck after {_count(walk)}: {error}."
    except (ValueError, ArithmeticError) as error:
        # Python's own OverflowError of a power is a number and a text.
        said = error.args[1] if error.args[:1] == (errno.ERANGE,) else error
        failure = f"Diverged at step {walk.last.number + 1}: {said}"
        return Status.DIVERGED, f"{failure}. The last good point is kept; {_advice(walk)}"
    return None


def _advice(walk: Walk) -> str:
    return f"try a smaller learning_rate than {walk.rate:g}, and check the gradient with gradcheck."


def _doubts(walk: Walk) -> str:
    """Return a sentence about checks that could not tell, or nothing."""
    unsure = [verdict for verdict in walk.verdicts if verdict in UNSURE]
    kinds = ", ".join(sorted(set(unsure)))
    told = f" Of {len(walk.verdicts)} checks {len(unsure)} could not tell: {kinds}."
    return told if unsure else ""


def _count(walk: Walk) -> str:
    return count(walk.last.number, "step")


@contextmanager
def _bar(steps: int) -> Iterator[Callable[[Step], None]]:
    """Give a function that shows a step on a progress bar."""
    from rich import progress
    from rich.console import Console

    columns = (
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TextColumn("cost {task.fields[cost]:.4g}"),
        progress.TimeRemainingColumn(),
    )
    with progress.Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=steps, cost=math.nan)
        yield lambda step: bar.update(task, completed=step.number, cost=step.value)
