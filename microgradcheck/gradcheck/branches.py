"""Which parts of a function were not run: a check says nothing of a branch that it never took."""

from __future__ import annotations

import inspect
import linecache
import opcode
import sys
from collections.abc import Callable
from itertools import groupby
from types import CodeType, FrameType
from typing import Any

from microgradcheck.value import is_ours, line_name

_GUARDS = (b"raise", b"except", b"assert")
_LIBRARIES = ("numpy", "scipy")  # whose branches are for other kinds of arguments, mostly
_MOST_STEPS = 5_000  # What runs longer is not watched to its end, and nothing is said of it.


def branches_not_taken(function: Any, call: Callable[[], Any]) -> list[str]:
    """Return the pieces of source that a call left out, such as "`3 * x` (model.py:12)".

    Empty where the function is of this package, NumPy, SciPy or built in, a debugger or coverage is
    at work, or the call fails.
    """
    # What wraps it, such as a cache or another library's transformation, has branches of its own.
    function = inspect.unwrap(function)
    code = getattr(function, "__code__", None)
    if code is None or is_ours(code.co_filename) or sys.gettrace() is not None:
        return []
    if str(function.__module__).partition(".")[0] in _LIBRARIES:
        return []
    if not any("_IF_" in opcode.opname[number] for number in code.co_code[::2]):
        return []
    seen: set[int] = set()
    steps = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal steps
        if frame.f_code is not code:
            return None
        if steps == _MOST_STEPS:
            # It goes on unwatched. To break off f in the midst could leave its locks locked.
            sys.settrace(None)
            frame.f_trace, frame.f_trace_opcodes = None, False
            return None
        # In this order: Python 3.13 asks for opcodes only if the frame has a function for them.
        frame.f_trace, frame.f_trace_opcodes, frame.f_trace_lines = trace, True, False
        if event == "opcode":
            steps += 1
            seen.add(frame.f_lasti)
        return trace

    # Python 3.12 has opcodes traced only if some frame asked for them before settrace was called.
    sys._getframe().f_trace_opcodes = True
    sys.settrace(trace)
    try:
        call()
    except Exception:  # noqa: BLE001  the verdict is on other calls
        return []
    finally:
        sys.settrace(None)
    return _left_out(code, seen) if 0 < steps < _MOST_STEPS else []


def _left_out(code: CodeType, seen: set[int]) -> list[str]:
    """Return one piece for each line that has instructions which were not reached."""
    reached: dict[bool, set[tuple[int, int, int]]] = {True: set(), False: set()}
    for number, (line, last, column, end) in enumerate(code.co_positions()):
        if line is not None and line == last and column is not None and end is not None:
            reached[2 * number in seen].add((line, column, end))
    pieces = []
    # Python folds and duplicates instructions: what also ran elsewhere was not left out.
    for line, group in groupby(sorted(reached[False] - reached[True]), lambda span: span[0]):
        spans = list(group)
        source = linecache.getline(code.co_filename, line).encode()
        start, end = spans[0][1], max(end for _, _, end in spans)
        text = source[start:end].decode(errors="replace").strip()
        is_guard = text.startswith("raise") or source.strip().startswith(_GUARDS)
        if text and not is_guard:
            pieces.append(f"`{text}` ({line_name(code.co_filename, line)})")
    return pieces
