"""Compare a gradient with plain arithmetic: the front door."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from microgradcheck.backprop import grad
from microgradcheck.gradcheck.comparison import Comparison
from microgradcheck.gradcheck.entry import Verdict
from microgradcheck.gradcheck.nodes import record
from microgradcheck.gradcheck.problem import Problem
from microgradcheck.gradcheck.report import GradcheckError, Report
from microgradcheck.numeric.entries import Generator, seed_of
from microgradcheck.sources import GivenGradient, GradientSource, resolve
from microgradcheck.structure import is_array, real, whole

_ACCEPTABLE = set(Verdict) - {Verdict.WRONG}
_LONGEST_CALL = 130


def gradcheck(
    f: Callable[..., Any],
    *inputs: Any,
    gradient: Any = "backprop",
    reference: Any = "central-difference",
    rtol: float = 1e-6,
    order: int = 1,
    accept: Iterable[str] = (),
    scale: float | None = None,
    rng: int | Generator | None = 0,
    raise_on_failure: bool = True,
    nodes: bool = False,
) -> Report:
    """Compare a gradient with plain arithmetic, entry by entry, and say what is wrong and why.

    Args:
        f: a function of numbers or `Value`s that returns a number, or a list, tuple or array of
            numbers (NumPy's, torch's, JAX's). It gets copies of the inputs.
        inputs: numbers, or lists, tuples or arrays of numbers.
        gradient: what is checked: the name of a gradient source, an object with its protocol, or
            a function of the inputs that returns the gradient in their kind and shape (a tuple
            for several inputs; the Jacobian, output axes first, where f returns several numbers).
        reference: what it is compared with: "central-difference", which stands for differences
            at many steps with an error bound, or any other gradient source.
        rtol: the relative difference that is allowed beside the error bound of the reference.
        order: 1, or 2 to check the Hessian (of backprop, or your own; for several inputs a tuple
            of tuples) against differences of f's gradient by backprop.
        accept: verdicts beside PASS and KINK that are to pass, such as `("NOISY",)`.
        scale: the length over which f changes, where that is not |x|.
        rng: the seed of random directions, which the report names; a NumPy `Generator` that gives
            one; or None for a fresh one.
        raise_on_failure: whether to raise where the check does not pass.
        nodes: whether to check every interior node too, where f returns one `Value`.

    Returns:
        A `Report`, true where the check passed.

    Raises:
        GradcheckError: the check does not pass; its text is the report.
        TypeError, ValueError: an argument is not as described, or f returns another number of
            outputs elsewhere than at the inputs.

    Limits: mostly 4 to 10 calls of f for each input entry and 11 more; about 20 for each where f is
    noisy or changes fast, and on some straight lines; 50 to 80 where terms of f cancel; more where
    several kinks meet, and some hundred for the cause of each of the first wrong entries. A
    function of 16 `Value`s or more that returns one number is called 7 or 8 times in all: its tape
    answers in its place, once f has confirmed it.

    Example:
        >>> gradcheck(lambda x: x[0] ** 2 * x[1], [3.0, 5.0]).verdict
        <Verdict.PASS: 'PASS'>
        >>> report = gradcheck(lambda x: x**2, 3.0, gradient=lambda x: x, raise_on_failure=False)
        >>> str(report).splitlines()[0]
        'WRONG df/dx: 3.00000, not 6.00000'
    """
    __tracebackhide__ = True
    accepted = _check_options(order, accept)
    rtol = real("rtol", rtol, above=0, below=1)
    scale = None if scale is None else real("scale", scale, above=0)
    seed = seed_of(rng)
    problem, source = Problem(f, inputs, scale=scale), resolve(gradient)
    _require_another(reference, gradient)
    if order == 2:
        _require_values(problem)
        if source.name == "complex-step":
            raise ValueError(
                "order=2 differentiates what backprop gives, which is of real numbers alone, so "
                "no complex step can be taken; choose another source"
            )
        problem = Problem(grad(f), inputs, scale=scale, order=2)
        source = _blocks_by_input(source, len(inputs))
    options = {"gradient": gradient, "reference": reference, "rtol": rtol, "order": order}
    options |= {"scale": scale, "accept": tuple(sorted(accepted)), "nodes": nodes, "rng": seed}
    comparison = Comparison(problem, source, reference, rtol, seed)
    report = comparison.report(accepted=accepted, nodes=nodes, repeat=_call(problem, options))
    if not report.passed and raise_on_failure:
        # Where f failed at the inputs given, its own traceback says where.
        raise GradcheckError(report) from comparison.failure
    return report


def _require_another(reference: object, gradient: object) -> None:
    same = gradient is reference or (isinstance(gradient, str) and gradient == reference)
    # By the name "central-difference", a reference is many steps, and a gradient is one.
    if same and reference != "central-difference":
        raise ValueError(
            f"gradient and reference are both {gradient!r}, and what is compared with itself "
            "always passes; leave out reference=, so that differences of f judge"
        )


def _call(problem: Problem, options: dict[str, Any]) -> str:
    """Return a call of gradcheck as text, short enough for a line or two."""
    usual = gradcheck.__kwdefaults__ or {}
    written = [
        f"{name}={value!r}" if isinstance(value, (str, int, float, tuple)) else f"{name}=..."
        for name, value in options.items()
        if name in ("gradient", "rng") or value != usual[name]
    ]
    if 3 * len(problem.entries) < _LONGEST_CALL:
        call = f"gradcheck(f, {', '.join([*map(_exactly, problem.inputs), *written])})"
        if len(call) <= _LONGEST_CALL and "\n" not in call:
            return call
    return f"gradcheck(f, ..., {', '.join(written)})"


def _exactly(thing: Any) -> str:
    if not is_array(thing):
        return repr(thing)
    import numpy as np

    with np.printoptions(precision=17):
        return repr(thing)


def _require_values(problem: Problem) -> None:
    recording = record(problem)
    if recording and not recording.roots:
        raise TypeError(
            "order=2 differentiates f itself, and f returns a plain number where it gets Values; "
            "write it with microgradcheck's functions, or check your own Hessian as the Jacobian "
            "of your own gradient: gradcheck(gradient, x, gradient=hessian)"
        )


def _blocks_by_input(source: GradientSource, count: int) -> GradientSource:
    """Return a source of Hessians whose blocks lie as in a Jacobian: inputs of f first."""
    if count == 1 or not isinstance(source, GivenGradient):
        return source
    hessian = source.gradient

    def transposed(*inputs: Any) -> Any:
        blocks = hessian(*inputs)
        is_square = _has_parts(blocks, count) and all(_has_parts(row, count) for row in blocks)
        # What is of another kind is given on as it is, and found wrong.
        return tuple(zip(*blocks, strict=True)) if is_square else blocks

    return GivenGradient(transposed)


def _has_parts(thing: Any, count: int) -> bool:
    return isinstance(thing, (tuple, list)) and len(thing) == count


def _check_options(order: object, accept: Iterable[str]) -> set[str]:
    if whole("order", order, least=1) > 2:
        raise ValueError(f"order is 1 for the gradient or 2 for the Hessian, got {order!r}")
    if not isinstance(accept, Iterable):
        raise TypeError(f"accept is a verdict or several, such as ('NOISY',), got {accept!r}")
    names = {str(verdict) for verdict in ([accept] if isinstance(accept, str) else accept)}
    if not names <= _ACCEPTABLE:
        unknown = ", ".join(sorted(names - _ACCEPTABLE))
        raise ValueError(f"accept takes {', '.join(sorted(_ACCEPTABLE))}, got {unknown}")
    return names
