"""Both sweeps as straight lines of Python: to be read, and to run where there are few of them."""

from __future__ import annotations

from microgradcheck.tape.lines.module import Module
from microgradcheck.tape.lines.namespaces import namespace_function
from microgradcheck.tape.lines.over_arrays import ArrayLines

__all__ = ["ArrayLines", "Module", "namespace_function"]
