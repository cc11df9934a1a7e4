"""A graph written down as a person computes it: one operation a line, each with a name."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import Parameter, Signature
from typing import Any

from microgradcheck import functions
from microgradcheck.mistakes.listing import compile_text
from microgradcheck.value import Value

__all__ = ["Graph"]


class Graph:
    r"""A function of the numbers named in `at`, of `Value`s or floats.

    Args:
        title: how a traceback or a report calls the file that the lines would stand in.
        text: one operation a line, in the library's functions; the last line is the result.
        at: the number of each input.

    Example:
        >>> graph = Graph("neuron", "y = w * x\nf = tanh(y)", w=0.5, x=2.0)
        >>> round(graph(0.5, 2.0), 4)
        0.7616
        >>> graph.nodes(graph.at)["y"]
        Value(data=1.0, op='multiply', label='y')
    """

    def __init__(self, title: str, text: str, **at: float) -> None:
        self.text = text
        self.at = at
        # What makes inspect.signature, and so gradcheck, know the names.
        parameters = [Parameter(name, Parameter.POSITIONAL_ONLY) for name in at]
        self.__signature__ = Signature(parameters)
        self._code = compile_text(title, text)

    def __call__(self, *inputs: Any) -> Any:
        """Return the last line's result."""
        return list(self._run(inputs).values())[-1]

    def nodes(self, at: Mapping[str, float]) -> dict[str, Value]:
        """Return a `Value` for each input and each line, by name, recorded afresh."""
        return self._run(tuple(map(Value, at.values())))

    def program(self) -> str:
        """Return the inputs and the lines."""
        return "\n".join([*(f"{name} = {x:g}" for name, x in self.at.items()), self.text])

    def _run(self, inputs: tuple[Any, ...]) -> dict[str, Any]:
        names = dict(zip(self.at, inputs, strict=True))
        exec(self._code, {name: getattr(functions, name) for name in functions.__all__}, names)
        for name, thing in names.items():
            if isinstance(thing, Value) and not thing.label:
                thing.label = name
        return names
