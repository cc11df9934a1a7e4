"""The gradient under test, taken apart into one number for each output and input entry."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import chain, islice
from typing import Any, NamedTuple

from microgradcheck import backprop
from microgradcheck.functions.entries import is_entry
from microgradcheck.gradcheck.entry import Cause
from microgradcheck.gradcheck.problem import Index, Problem
from microgradcheck.gradcheck.wording import in_words, short
from microgradcheck.numeric.entries import quiet_numpy
from microgradcheck.sources import SOURCES, GivenGradient, GradientSource
from microgradcheck.structure import (
    advice,
    indices_of,
    one_or_all,
    shown,
    take_apart,
    with_numpy_arrays,
)
from microgradcheck.tape import StaleTapeError

__tracebackhide__ = True  # from pytest

Rows = list[list[float]]
"""For each output of f, one number for each input entry."""


class Gradient(NamedTuple):
    """What a gradient source gave, or why it gave nothing but nan."""

    rows: Rows
    again: Rows | None = None  # from a second call, for gradients of a user's own
    complaint: str = ""  # why it is no gradient of f at all, such as a wrong shape
    at_fault: int | None = None  # the input that a complaint is about
    failure: str = ""  # why it could not be computed here
    ask: Callable[[Sequence[float]], Rows] | None = None  # at other inputs

    @property
    def repeats(self) -> bool:
        """Whether a second call gave the same."""
        return self.again is None or all(
            a == b or math.isnan(a) or abs(a - b) <= 1e-12 * abs(a)
            for a, b in zip(chain(*self.rows), chain(*self.again), strict=True)
        )


class _MisfitError(Exception):
    """Why what was given is no gradient of f, and the position of the input that this is about."""


def gradient_of(
    problem: Problem, source: GradientSource, f: Callable[..., Any] | None = None
) -> Gradient:
    """Return what a source gives for a problem, or for a function that stands in for its f."""
    f = f or problem.f
    own = isinstance(source, GivenGradient)

    def ask(entries: Sequence[float]) -> Rows:
        arguments = problem.arguments(entries)
        with quiet_numpy():
            rows = _rows(problem, source, f, arguments)
        if list(entries) == problem.entries and not problem.unchanged(arguments):
            raise _MisfitError(
                f"{Cause.MUTATED_BY_THE_GRADIENT}: changed in place; let it work on a copy"
            )
        return rows

    blank = [[math.nan] * len(problem.entries) for _ in problem.output_indices]
    try:
        return Gradient(ask(problem.entries), ask(problem.entries) if own else None, ask=ask)
    except _MisfitError as misfit:
        return Gradient(blank, None, *misfit.args)
    except (ValueError, ArithmeticError, StaleTapeError) as error:
        if own and not isinstance(error, ArithmeticError):
            raise
        return Gradient(blank, failure=in_words(error))
    except Exception as error:
        if not own:
            error.add_note(
                f"f was called by the gradient source {source.name!r}; where it cannot take what "
                "that gives it, pass the gradient that you mean to check: gradient=..."
            )
        raise


def _rows(
    problem: Problem, source: GradientSource, f: Callable[..., Any], arguments: tuple[Any, ...]
) -> Rows:
    outputs = problem.output_indices
    if isinstance(source, GivenGradient):
        given = with_numpy_arrays(source.gradient(*arguments))
        try:
            return _parted(given, problem, outputs)
        except _MisfitError as misfit:
            raise _with_its_value(given, problem) or misfit from None
    if problem.scalar:
        return _parted(source.value_and_gradient(f, *arguments)[1], problem, [()])
    if source is SOURCES["backprop"]:
        # Of one list, whose blocks lie side by side.
        rows: Rows = backprop.jacobian(
            lambda entries: take_apart(f(*problem.arguments(entries)), is_entry)
        )(take_apart(arguments)).tolist()
        return rows
    return [
        _parted(source.value_and_gradient(_component(f, k), *arguments)[1], problem, [()])[0]
        for k in range(len(outputs))
    ]


def _component(f: Callable[..., Any], k: int) -> Callable[..., Any]:
    # A complex step makes complex outputs of real ones.
    return lambda *inputs: take_apart(f(*inputs), lambda _: True)[k]


def _parted(given: Any, problem: Problem, outputs: Sequence[Index]) -> Rows:
    """Return the rows of a gradient, or of a Jacobian, whose output axes come first."""
    parts, count = given, len(problem.inputs)
    if count == 1:
        parts = (given,)
    elif given is None:
        raise _MisfitError(f"{Cause.NONE}; is it returned?")
    elif not isinstance(given, (tuple, list)) or len(given) != count:
        raise _MisfitError(
            f"{Cause.WRONG_SHAPE}: f has {count} inputs, so its gradient is a tuple of as many; "
            f"got {short([given])}"
        )
    rows: Rows = [[] for _ in outputs]
    for n, (part, entry, name) in enumerate(zip(parts, problem.inputs, problem.names, strict=True)):
        if part is None:
            raise _MisfitError(f"{Cause.NONE}: the one with respect to {name}; is it returned?", n)
        columns, found = indices_of(entry), indices_of(part)
        numbers = iter(_numbers(part, n) if found else ())
        expected = [output + column for output in outputs for column in columns]
        # f may return its one number in an array of shape (1,) or so, seldom on purpose.
        if found != expected and (found != columns or len(outputs) > 1):
            told = f"{Cause.WRONG_SHAPE}: {_misfit(found, expected, name)}"
            if found == columns:
                jacobian = "so it is a Jacobian, its output axes first"
                told += f"; f returns {len(outputs)} numbers, {jacobian}"
            raise _MisfitError(told, n)
        for row in rows:
            row.extend(islice(numbers, len(columns)))
    return rows


def _with_its_value(given: Any, problem: Problem) -> _MisfitError | None:
    """Return the misfit of a gradient beside which the value of f is returned, too."""
    expected = [[()], indices_of(one_or_all(problem.inputs))]
    if not isinstance(given, (tuple, list)) or list(map(indices_of, given)) != expected:
        return None
    told = "it comes with the value of f; return the gradient alone"
    return _MisfitError(f"{Cause.WRONG_SHAPE}: {told}")


def _numbers(part: Any, n: int) -> list[float]:
    entries = take_apart(part, lambda _: True)
    for entry in entries:
        if not hasattr(entry, "__float__") or isinstance(entry, (str, complex)):
            told = f"the gradient holds {shown(entry)}, which is not a real number{advice(entry)}"
            raise _MisfitError(f"{Cause.WRONG_TYPE}: {told}", n)
    return list(map(float, entries))


def _misfit(found: list[Index], expected: list[Index], name: str) -> str:
    """Say how the shape of a gradient differs, or that of its first wrong part."""
    if _shape(expected).startswith("shape") or () in found:
        flipped = sorted(index[::-1] for index in found)
        hint = "; it is transposed" if flipped == expected else ""
        told = f"{_shape(found)}, expected {_shape(expected)}{hint}"
    else:
        given, asked = _by_first(found), _by_first(expected)
        if len(given) == len(asked):
            first = next(n for n in asked if given[n] != asked[n])
            return _misfit(given[first], asked[first], f"{name}[{first}]")
        told = f"{len(given)} parts, expected {len(asked)}"
    return f"the gradient with respect to {name} has {told}"


def _by_first(indices: list[Index]) -> dict[int, list[Index]]:
    parts: dict[int, list[Index]] = {}
    for first, *rest in indices:
        parts.setdefault(first, []).append(tuple(rest))
    return parts


def _shape(indices: list[Index]) -> str:
    """Return in words the shape of an array with these indices, if there is one."""
    if not indices:
        return "shape (0,)"
    if len(set(map(len, indices))) == 1:
        shape = tuple(max(axis) + 1 for axis in zip(*indices, strict=True))
        if math.prod(shape) == len(indices):
            return f"shape {shape}"
    return f"{len(indices)} numbers in parts of several shapes"
