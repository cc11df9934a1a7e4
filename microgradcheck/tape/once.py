"""A recorded function at one point: fast where the tape holds, and in its own words elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

from microgradcheck.backprop import Run, value_and_grad
from microgradcheck.tape.arguments import Arguments, as_lists, flat
from microgradcheck.tape.graph import Graph
from microgradcheck.tape.guards import require_fresh, require_same_branches
from microgradcheck.tape.lines import Module
from microgradcheck.tape.loop import Loop
from microgradcheck.tape.passes import Passes
from microgradcheck.tape.plan import PASSES, STRAIGHT, Plan

__all__ = ["Once"]

Function = Callable[..., Any]


class Once:
    """Runs a recorded function at one point.

    Args:
        f: the function.
        graph: what it did.
        arguments: what it did it with.
        plan: in which way to run.
    """

    def __init__(self, f: Function, graph: Graph, arguments: Arguments, plan: Plan) -> None:
        self._f = f
        self._graph = graph
        self._arguments = arguments
        self._plan = plan

    @cached_property
    def value(self) -> Callable[..., float]:
        """A function of the arguments that returns the value: see `Tape`."""
        return self._prepared(gradient=False)

    @cached_property
    def value_and_gradient(self) -> Callable[..., tuple[float, Any]]:
        """A function of the arguments that returns value and gradient: see `Tape`."""
        return self._prepared(gradient=True)

    @cached_property
    def _loop(self) -> Loop:
        return Loop(self._graph)

    def eager(self, entries: list[float], *, gradient: bool) -> Any:
        """Ask the function itself for its value, or for the pair of value and gradient."""
        inputs = self._arguments.like(entries)
        if gradient:
            return value_and_grad(self._f)(*inputs)
        with Run(self._f, inputs, {}) as run:
            return float(run.one_output())

    def _prepared(self, *, gradient: bool) -> Function:
        """Return a function that runs in the way of the plan, and carefully where that fails."""
        make = self._straight if self._plan.one_point == STRAIGHT else self._over_entries
        run = make(gradient)
        if not self._graph.captured:
            return run

        def run_if_fresh(*inputs: Any) -> Any:
            require_fresh(self._graph)
            return run(*inputs)

        return run_if_fresh

    def _straight(self, gradient: bool) -> Function:
        module = Module(self._graph, self._f, self._arguments.lists, gradient=gradient)
        run = module.compile(otherwise=partial(self._carefully, gradient))
        if self._arguments.plain:
            return run
        if not gradient:
            return lambda *inputs: run(*map(as_lists, inputs))

        def run_with_lists(*inputs: Any) -> tuple[float, Any]:
            value, partials = run(*map(as_lists, inputs))
            return value, self._arguments.gradient(list(flat(as_lists(partials))))

        return run_with_lists

    def _over_entries(self, gradient: bool) -> Function:
        if self._plan.one_point == PASSES:
            read: Function = self._arguments.row
            runner: Any = Passes(self._plan.schedule)
        else:
            read, runner = self._arguments.numbers, self._loop

        def run(*inputs: Any) -> Any:
            try:
                if not gradient:
                    return runner.value(read(inputs))
                value, partials = runner.value_and_gradient(read(inputs))
                return value, self._arguments.gradient(partials)
            except (ArithmeticError, ValueError):
                pass
            return self._carefully(gradient, *inputs)

        return run

    def _carefully(self, gradient: bool, *inputs: Any) -> Any:
        """Run operation by operation; where that fails, say why or let the function itself say."""
        entries = self._arguments.numbers(inputs)
        try:
            if not gradient:
                return self._loop.value(entries)
            value, partials = self._loop.value_and_gradient(entries)
            return value, self._arguments.gradient(partials)
        except (ArithmeticError, ValueError):
            pass
        require_same_branches(self._graph, entries)
        # Nothing makes a better message than the function itself, at the line that fails.
        return self.eager(entries, gradient=gradient)
