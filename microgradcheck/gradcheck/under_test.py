"""The gradient under test, taken apart into one number for each output and input entry."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from microgradcheck import backprop
from microgradcheck.functions.entries import is_entry
from microgradcheck.gradcheck.blame import in_words
from microgradcheck.gradcheck.entry import Cause
from microgradcheck.gradcheck.problem import Index, Problem, indices_of
from microgradcheck.gradcheck.wording import short
from microgradcheck.numeric.entries import quiet_numpy
from microgradcheck.sources import GivenGradient, GradientSource
from microgradcheck.structure import take_apart, with_numpy_arrays

__all__ = ["Gradient", "gradient_of"]

__tracebackhide__ = True  # from pytest, which shows the test and f without what lies between


class Gradient(NamedTuple):
    """What a gradient source gave.

    Attributes:
        rows: for each output of f, one number for each input entry; nan where there is none.
        again: the same from a second call, for gradients of a user's own.
        complaint: why it is no gradient of f at all, in words, such as a wrong shape.
        failure: why it could not be computed here, in words.
        ask: the rows at other inputs, as a function of the list of numbers.
    """

    rows: list[list[float]]
    again: list[list[float]] | None = None
    complaint: str = ""
    failure: str = ""
    ask: Callable[[Sequence[float]], list[list[float]]] | None = None

    @property
    def repeats(self) -> bool:
        """Whether a second call gave the same."""
        return self.again is None or all(
            a == b or math.isnan(a) or abs(a - b) <= 1e-12 * abs(a)
            for row, other in zip(self.rows, self.again, strict=True)
            for a, b in zip(row, other, strict=True)
        )


class _MisfitError(Exception):
    """The gradient has not the kind or shape that f and its inputs ask for."""


def gradient_of(problem: Problem, source: GradientSource) -> Gradient:
    """Return what a source gives for a problem."""
    blank = [[math.nan] * len(problem.entries) for _ in problem.output_indices]
    own = isinstance(source, GivenGradient)

    def ask(entries: Sequence[float]) -> list[list[float]]:
        arguments = problem.arguments(entries)
        with quiet_numpy():
            rows = _rows(problem, source, arguments)
        if list(entries) == problem.entries and not problem.unchanged(arguments):
            raise _MisfitError(
                f"{Cause.MUTATED_BY_THE_GRADIENT}: changed in place; let it work on a copy"
            )
        return rows

    try:
        rows = ask(problem.entries)
        again = ask(problem.entries) if own else None
    except _MisfitError as misfit:
        return Gradient(blank, complaint=str(misfit))
    except (ValueError, ArithmeticError) as error:
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
    return Gradient(rows, again, ask=ask)


def _rows(
    problem: Problem,
    source: GradientSource,
    arguments: tuple[Any, ...],
) -> list[list[float]]:
    if isinstance(source, GivenGradient):
        given = with_numpy_arrays(source.gradient(*arguments))
        return [_entries(given, problem)] if problem.scalar else _jacobian_rows(given, problem)
    if problem.scalar:
        return [_entries(source.value_and_gradient(problem.f, *arguments)[1], problem)]
    if source.name == "backprop":
        # As one list, since the parts of a gradient by several inputs have shapes of their own.
        outputs = backprop.jacobian(lambda *inputs: take_apart(problem.f(*inputs), is_entry))
        blocks = outputs(*arguments)
        blocks = blocks if len(arguments) > 1 else (blocks,)
        width = len(problem.output_indices)
        matrices = [block.reshape(width, -1).tolist() for block in blocks]
        return [[x for matrix in matrices for x in matrix[k]] for k in range(width)]
    return [
        _entries(source.value_and_gradient(_component(problem, k), *arguments)[1], problem)
        for k in range(len(problem.output_indices))
    ]


def _component(problem: Problem, k: int) -> Callable[..., Any]:
    # A complex step makes complex outputs of real ones.
    return lambda *inputs: take_apart(problem.f(*inputs), lambda _: True)[k]


def _jacobian_rows(given: Any, problem: Problem) -> list[list[float]]:
    parts = given if len(problem.inputs) > 1 else (given,)
    if len(problem.inputs) > 1 and (
        not isinstance(parts, (tuple, list)) or len(parts) != len(problem.inputs)
    ):
        raise _MisfitError(_expected_several(given, problem))
    rows: list[list[float]] = [[] for _ in problem.output_indices]
    for part, entry, name in zip(parts, problem.inputs, problem.names, strict=True):
        columns = indices_of(entry)
        expected = [out + index for out in problem.output_indices for index in columns]
        hint = ""
        if part is not None and indices_of(part) == columns:
            count = len(problem.output_indices)
            if count == 1:
                # f returns its number in an array of shape (1,) or so, seldom on purpose.
                expected = columns
            hint = f"; f returns {count} numbers, so it is a Jacobian, its output axes first"
        flat = _flatten(part, expected, name, hint)
        for k, row in enumerate(rows):
            row.extend(flat[k * len(columns) : (k + 1) * len(columns)])
    return rows


def _entries(given: Any, problem: Problem) -> list[float]:
    if len(problem.inputs) == 1:
        return _flatten(given, indices_of(problem.inputs[0]), problem.names[0])
    if not isinstance(given, (tuple, list)) or len(given) != len(problem.inputs):
        raise _MisfitError(_expected_several(given, problem))
    flat: list[float] = []
    for part, entry, name in zip(given, problem.inputs, problem.names, strict=True):
        flat += _flatten(part, indices_of(entry), name)
    return flat


def _expected_several(given: Any, problem: Problem) -> str:
    return (
        f"{Cause.WRONG_SHAPE}: f has {len(problem.inputs)} inputs, so its gradient is a tuple of "
        f"as many; got {short([given])}"
    )


def _flatten(given: Any, expected: list[Index], name: str, hint: str = "") -> list[float]:
    if given is None:
        raise _MisfitError(f"{Cause.NONE}: the one with respect to {name}; is it returned?")
    found = indices_of(given)
    if found != expected:
        raise _MisfitError(f"{Cause.WRONG_SHAPE}: {_misfit(found, expected, name)}{hint}")
    entries = take_apart(given, lambda _: True)
    for entry in entries:
        if not hasattr(entry, "__float__") or isinstance(entry, (str, complex)):
            raise _MisfitError(
                f"{Cause.WRONG_TYPE}: the gradient holds {entry!r}, which is no real number"
            )
    return list(map(float, entries))


def _misfit(found: list[Index], expected: list[Index], name: str) -> str:
    """Say how the shape of a gradient differs, or of its first part where x is made of several."""
    shape, wanted = _shape(found), _shape(expected)
    if wanted is None and () not in found:
        given, asked = _parts(found), _parts(expected)
        if len(given) == len(asked):
            first = next(n for n in asked if given[n] != asked[n])
            return _misfit(given[first], asked[first], f"{name}[{first}]")
        return f"the gradient with respect to {name} has {len(given)} parts, expected {len(asked)}"
    flipped = sorted(index[::-1] for index in found)
    hint = "; it is transposed" if flipped == sorted(expected) and len(expected[0]) > 1 else ""
    return (
        f"the gradient with respect to {name} has {_described(found, shape)}, expected "
        f"{_described(expected, wanted)}{hint}"
    )


def _parts(indices: list[Index]) -> dict[int, list[Index]]:
    parts: dict[int, list[Index]] = {}
    for first, *rest in indices:
        parts.setdefault(first, []).append(tuple(rest))
    return parts


def _described(indices: list[Index], shape: Index | None) -> str:
    return (
        f"{len(indices)} numbers in parts of several shapes" if shape is None else f"shape {shape}"
    )


def _shape(indices: list[Index]) -> Index | None:
    """Return the shape of an array with these indices; None where there is none."""
    if not indices:
        return (0,)
    if len(set(map(len, indices))) > 1:
        return None
    shape = tuple(max(axis) + 1 for axis in zip(*indices, strict=True))
    return shape if math.prod(shape) == len(indices) else None
