"""Why a descent ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from microgradcheck.optimize.descent import Status, Step
from microgradcheck.optimize.line_search import NoDescentError
from microgradcheck.optimize.walk import Walk

__all__ = ["Ending", "Endings"]

_RISES: Final = 10  # Heavy balls climb, but not ten times in a row to where no step was before.

# Near a minimum differences see little of a gradient, which is no fault of its source.
_UNSURE: Final = ("EDGE", "INCONCLUSIVE", "NOISY")


class Ending(NamedTuple):
    """A reason to end: its status, in words, and gradcheck's report where that is the reason."""

    status: Status
    message: str
    report: Any = None


@dataclass
class Endings:
    """Everything that may end a descent, as `minimize` takes it; None or 0 never does.

    Attributes:
        verdicts: gradcheck's, one for each check so far.
    """

    steps: int
    gradient_below: float | None
    step_below: float | None
    value_below: float | None
    check_every: int
    callback: Callable[[Step], Any] | None
    verdicts: list[str] = field(default_factory=list, init=False)

    def reason(self, walk: Walk) -> Ending | None:
        """Return why to end here, or None."""
        return (
            self._asked_to(walk)
            or self._wrong_gradient(walk)
            or self._target_reached(walk)
            or self._growing(walk)
            or self._out_of_steps(walk)
        )

    def attempt(self, walk: Walk, rate: float) -> Ending | None:
        """Take a step, and return why there is none to take, or None."""
        number = walk.last.number
        try:
            walk.advance(rate)
        except NoDescentError as error:
            return Ending(Status.STUCK, f"Stuck after {_steps(number)}: {error}.")
        except (ValueError, ArithmeticError) as error:
            message = f"Diverged at step {number + 1}: {error}. The last good point is kept; "
            return Ending(Status.DIVERGED, message + _advice(walk))
        return None

    def doubts(self) -> str:
        """Return a sentence about checks that could not tell, or nothing."""
        unsure = [verdict for verdict in self.verdicts if verdict in _UNSURE]
        if not unsure:
            return ""
        kinds = ", ".join(sorted(set(unsure)))
        return f" Of {len(self.verdicts)} checks {len(unsure)} could not tell: {kinds}."

    def _asked_to(self, walk: Walk) -> Ending | None:
        if self.callback is not None and self.callback(walk.last) is True:
            return Ending(Status.DONE, f"Ended by the callback after {_steps(walk.last.number)}.")
        return None

    def _wrong_gradient(self, walk: Walk) -> Ending | None:
        if not self.check_every or walk.last.number % self.check_every:
            return None
        from microgradcheck.gradcheck import gradcheck

        problem = walk.problem
        report = gradcheck(
            problem.plain_f,
            *walk.inputs(),
            gradient=problem.source,
            accept=_UNSURE,
            raise_on_failure=False,
        )
        self.verdicts.append(str(report.verdict))
        if report.passed:
            return None
        message = (
            f"The gradient from {problem.source.name} does not pass gradcheck after "
            f"{_steps(walk.last.number)}: {report.verdict}; print this descent's .report."
        )
        return Ending(Status.WRONG_GRADIENT, message, report)

    def _target_reached(self, walk: Walk) -> Ending | None:
        found = (
            ("The gradient's length", walk.last.gradient_norm, self.gradient_below),
            ("The step's length", walk.length, self.step_below),
            ("The value of f", walk.last.value, self.value_below),
        )
        for what, reached, bound in found:
            if bound is not None and reached < bound:
                after = f"after {_steps(walk.last.number)}"
                return Ending(Status.DONE, f"{what}, {reached:.4g}, is below {bound:g} {after}.")
        return None

    def _growing(self, walk: Walk) -> Ending | None:
        if walk.rises < _RISES:
            return None
        before = walk.history[-1 - _RISES].value
        message = (
            f"Diverged: in each of the last {_RISES} steps f rose, from {before:.4g} to "
            f"{walk.last.value:.4g} in all; "
        )
        return Ending(Status.DIVERGED, message + _advice(walk))

    def _out_of_steps(self, walk: Walk) -> Ending | None:
        if walk.last.number < self.steps:
            return None
        taken = f"Took all {_steps(self.steps)}"
        if walk.has_risen():
            first, last = walk.history[0].value, walk.last.value
            message = f"{taken}, but diverged: f rose from {first:.4g} to {last:.4g}; "
            return Ending(Status.DIVERGED, message + _advice(walk))
        missed = [
            f"{name}={getattr(self, name):g}"
            for name in ("gradient_below", "step_below", "value_below")
            if getattr(self, name) is not None
        ]
        if missed:
            message = f"{taken} without reaching {' or '.join(missed)}; take more steps."
            return Ending(Status.OUT_OF_STEPS, message)
        if self.steps and all(step.gradient_norm == 0 for step in walk.history):
            message = (
                f"{taken}, and none led anywhere, since the gradient is 0: this is a flat place, "
                "or f loses track of x, as by math.exp in place of microgradcheck.exp; gradcheck "
                "can tell."
            )
            return Ending(Status.DONE, message)
        return Ending(Status.DONE, f"{taken}.")


def _steps(count: int) -> str:
    return f"{count} step" if count == 1 else f"{count} steps"


def _advice(walk: Walk) -> str:
    return f"try a smaller learning_rate than {walk.rate:g}, and check the gradient with gradcheck."
