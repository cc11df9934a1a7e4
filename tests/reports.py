"""Small checks, at least one for each verdict and each cause, and the reports that they give."""

from __future__ import annotations

import re
from textwrap import dedent
from typing import NamedTuple

from microgradcheck.gradcheck import Verdict
from microgradcheck.gradcheck.entry import Cause


class Case(NamedTuple):
    """A check in the body of a test, what it finds, and the report."""

    finding: Verdict | Cause
    body: str
    report: str

    @property
    def lines(self) -> list[str]:
        return dedent(self.report).strip().splitlines()

    @property
    def test_file(self) -> str:
        lines = dedent(self.body).strip().splitlines()
        return "\n".join(
            [
                *("import math", "import random", ""),
                *("import numpy as np", "", "import microgradcheck as mg", "", ""),
                "def test_it(gradcheck):",
                *(f"    {line}".rstrip() for line in lines),
                "",
            ]
        )


def masked(line: str, verdict: str) -> str:
    """Hide the numbers that depend on which steps the check takes."""
    line = re.sub(r"± \S+", "± …", line)
    line = line.replace("float division", "division")  # as from Python 3.14 on
    line = re.sub(r"\d\.\d+e[-+]\d+", "…", line)
    line = re.sub(r"calls: [\d,]+", "calls: …", line)
    if verdict in {"NOISY", "INCONCLUSIVE"}:
        line = re.sub(r"against \S+", "against …", line)
    return line


CASES = [
    Case(
        Verdict.PASS,
        "print(gradcheck(lambda x: x**3, 2.0))",
        """
        PASS df/dx: 12.0000
          df/dx       PASS         12.0000 against 12.0000 ± …
        power: relative errors of … would have been seen
        calls: … of f
        """,
    ),
    Case(
        Verdict.PASS,
        """
        x = np.arange(1.0, 7.0)
        print(gradcheck(lambda x: (x**2).sum(), x, gradient=lambda x: 2 * x))
        """,
        """
        PASS 6 entries (all PASS)
        power: relative errors of … would have been seen
        calls: … of f
        """,
    ),
    Case(
        Cause.KINK,
        "print(gradcheck(abs, 0.0, gradient=lambda x: 0.0))",
        """
        KINK df/dx: 0 in -1.00000..1.00000
          df/dx       KINK         0, slopes -1.00000 and 1.00000
        cause: f has a kink here; any number between its slopes will do
        power: relative errors of … would have been seen, at a kink beyond
            its slopes
        calls: … of f
        """,
    ),
    Case(
        Cause.SIGN_FLIPPED,
        "gradcheck(lambda x: x**3, 1.3, gradient=lambda x: -3 * x**2)",
        """
        WRONG df/dx: -5.07000, not 5.07000
          df/dx       WRONG        -5.07000 against 5.07000 ± …
        cause: sign flipped
        power: relative errors of … would have been seen
        calls: … of f; repeat: gradcheck(f, 1.3, gradient=..., rng=0)
        """,
    ),
    Case(
        Cause.CONSTANT_FACTOR,
        "gradcheck(lambda x: x**3, 1.3, gradient=lambda x: 3.0003 * x**2)",
        """
        WRONG df/dx: 5.07051, not 5.07000
          df/dx       WRONG        5.07051 against 5.07000 ± …
        cause: off by a constant factor of 1.0001
        power: relative errors of … would have been seen
        calls: … of f; repeat: gradcheck(f, 1.3, gradient=..., rng=0)
        """,
    ),
    Case(
        Cause.CONSTANT_FACTOR,
        "gradcheck(lambda x: (x**2).sum(), np.ones((2, 2)), gradient=lambda x: 4 * x)",
        """
        WRONG df/dx[0,0]: 4.00000, not 2.00000
          df/dx[0,0]  WRONG        4.00000 against 2.00000 ± …
          df/dx[0,1]  WRONG        4.00000 against 2.00000 ± …
          df/dx[1,0]  WRONG        4.00000 against 2.00000 ± …
          df/dx[1,1]  WRONG        4.00000 against 2.00000 ± …
        cause: off by a constant factor of 2; maybe a forgotten 1/2
        power: relative errors of … would have been seen
        calls: … of f; repeat: gradcheck(f, ..., gradient=..., rng=0)
        """,
    ),
    Case(
        Cause.NO_PATTERN,
        "gradcheck(math.sin, 3.0, gradient=lambda x: 0.3 * x)",
        """
        WRONG df/dx: 0.900000, not -0.989992
          df/dx       WRONG        0.900000 against -0.989992 ± …
        cause: no known pattern: -0.9090978 times the derivative, and another
            ratio at inputs nearby
        power: relative errors of … would have been seen
        calls: … of f; repeat: gradcheck(f, 3.0, gradient=..., rng=0)
        """,
    ),
    Case(
        Cause.FACTOR,
        """
        def gradient(x):
            if x != 3.0:
                raise ValueError("known at 3 alone")
            return 0.9

        gradcheck(math.sin, 3.0, gradient=gradient)
        """,
        """
        WRONG df/dx: 0.900000, not -0.989992
          df/dx       WRONG        0.900000 against -0.989992 ± …
        cause: maybe off by a factor of -0.9090978
        power: relative errors of … would have been seen
        calls: … of f; repeat: gradcheck(f, 3.0, gradient=..., rng=0)
        """,
    ),
    Case(
        Cause.TERM,
        """
        def penalised(w):
            return float(np.sin(w).sum() + 0.05 * (w**2).sum())

        gradcheck(penalised, np.array([1.0, 2.0]), gradient=np.cos)
        """,
        """
        WRONG df/dw[1]: -0.416147, not -0.216147
          df/dw[1]    WRONG        -0.416147 against -0.216147 ± …
          df/dw[0]    WRONG        0.540302 against 0.640302 ± …
        cause: off by a term: too small by 0.1 times the input, here and nearby
        power: relative errors of … would have been seen
        calls: … of f; repeat: gradcheck(f, array([1., 2.]), gradient=...,
            rng=0)
        """,
    ),
    Case(
        Cause.ENTRIES_SWAPPED,
        """
        def gradient(x):
            return [x[0] ** 2, 2 * x[0] * x[1]]

        gradcheck(lambda x: x[0] ** 2 * x[1], [3.0, 5.0], gradient=gradient)
        """,
        """
        WRONG df/dx[0]: 9.00000, not 30.0000
          df/dx[0]    WRONG        9.00000 against 30.0000 ± …
          df/dx[1]    WRONG        30.0000 against 9.00000 ± …
        cause: entries swapped: df/dx[0] and df/dx[1]
        power: relative errors of … would have been seen
        calls: … of f; repeat: gradcheck(f, [3.0, 5.0], gradient=..., rng=0)
        """,
    ),
    Case(
        Cause.ENTRIES_SWAPPED,
        """
        def gradient(x):
            return np.roll(3 * x**2, 1)

        gradcheck(lambda x: (x**3).sum(), np.array([1.0, 2.0, 3.0]), gradient=gradient)
        """,
        """
        WRONG df/dx[0]: 27.0000, not 3.00000
          df/dx[0]    WRONG        27.0000 against 3.00000 ± …
          df/dx[1]    WRONG        3.00000 against 12.0000 ± …
          df/dx[2]    WRONG        12.0000 against 27.0000 ± …
        cause: entries swapped: df/dx[0] has the number of df/dx[2], and so on
        power: relative errors of … would have been seen
        calls: … of f; repeat: gradcheck(f, array([1., 2., 3.]), gradient=...,
            rng=0)
        """,
    ),
    Case(
        Cause.GRADIENT_TRANSPOSED,
        """
        def log_det(A):
            return np.linalg.slogdet(A)[1]

        gradcheck(log_det, np.array([[3.0, 1.0], [0.5, 2.0]]), gradient=np.linalg.inv)
        """,
        """
        WRONG df/dA[0,1]: -0.18182, not -0.090909
          df/dA[0,1]  WRONG        -0.181818 against -0.0909091 ± …
          df/dA[1,0]  WRONG        -0.0909091 against -0.181818 ± …
          and 2 more (all PASS)
        cause: gradient transposed: df/dA[0,1] has the number of its mirror
            image
        power: relative errors of … would have been seen
        calls: … of f; repeat: gradcheck(f, ..., gradient=..., rng=0)
        """,
    ),
    Case(
        Cause.JACOBIAN_TRANSPOSED,
        """
        A = np.array([[1.0, 2.0], [3.0, 4.0]])
        gradcheck(lambda x: A @ x, np.ones(2), gradient=lambda x: A.T)
        """,
        """
        WRONG df[0]/dx[1]: 3.00000, not 2.00000
          df[0]/dx[1] WRONG        3.00000 against 2.00000 ± …
          df[1]/dx[0] WRONG        2.00000 against 3.00000 ± …
          and 2 more (all PASS)
        cause: Jacobian transposed: its output axes come first
        power: relative errors of … would have been seen
        calls: … of f; repeat: gradcheck(f, array([1., 1.]), gradient=...,
            rng=0)
        """,
    ),
    Case(
        Cause.USE_NOT_ACCUMULATED,
        "gradcheck(lambda x: x * mg.sin(x), 1.3, gradient=lambda x: math.sin(x))",
        """
        WRONG df/dx: 0.963558, not 1.31131
          df/dx       WRONG        0.963558 against 1.31131 ± …
        cause: a use is not accumulated: it equals one of 2 contributions, which
            must be added (`+=`, not `=`)
        power: relative errors of … would have been seen
        calls: … of f; repeat: gradcheck(f, 1.3, gradient=..., rng=0)
        """,
    ),
    Case(
        Cause.ALWAYS_ZERO,
        "gradcheck(lambda x: x**3, 1.3, gradient=lambda x: 0.0)",
        """
        WRONG df/dx: 0, not 5.07000
          df/dx       WRONG        0 against 5.07000 ± …
        cause: always zero
        power: relative errors of … would have been seen
        calls: … of f; repeat: gradcheck(f, 1.3, gradient=..., rng=0)
        """,
    ),
    Case(
        Cause.ALWAYS_ZERO,
        """
        def gradient(x):
            return np.array([0.0, 0.0, 7.0])

        gradcheck(lambda x: (x**3).sum(), np.array([1.0, 2.0, 3.0]), gradient=gradient)
        """,
        """
        WRONG df/dx[0]: 0, not 3.00000
          df/dx[0]    WRONG        0 against 3.00000 ± …
          df/dx[1]    WRONG        0 against 12.0000 ± …
          df/dx[2]    WRONG        7.00000 against 27.0000 ± …
        cause: always zero (2 of 3 WRONG)
        power: relative errors of … would have been seen
        calls: … of f; repeat: gradcheck(f, array([1., 2., 3.]), gradient=...,
            rng=0)
        """,
    ),
    Case(
        Cause.ZERO_HERE,
        "gradcheck(lambda x: x**3, 1.3, gradient=lambda x: 3 * x**2 if x > 1.3 else 0.0)",
        """
        WRONG df/dx: 0, not 5.07000
          df/dx       WRONG        0 against 5.07000 ± …
        cause: zero here
        power: relative errors of … would have been seen
        calls: … of f; repeat: gradcheck(f, 1.3, gradient=..., rng=0)
        """,
    ),
    Case(
        Cause.INPUT_IGNORED,
        "gradcheck(lambda x, y: x**3, 1.3, 2.0, gradient=lambda x, y: (3 * x**2, 1e-9))",
        """
        WRONG df/dy: 1e-09, not 0
          df/dy       WRONG        1e-09 against 0 ± …
          and 1 more (all PASS)
        cause: f ignores this input: f does not change with y here, and the
            gradient is not 0
        calls: … of f; repeat: gradcheck(f, 1.3, 2.0, gradient=..., rng=0)
        """,
    ),
    Case(
        Cause.INPUT_IGNORED,
        """
        def hessian(x):
            return [[2.0, 1e-3], [0.0, 6 * x[1]]]

        gradcheck(lambda x: x[0] ** 2 + x[1] ** 3, [1.0, 2.0], order=2, gradient=hessian)
        """,
        """
        WRONG d²f/dx[0]dx[1]: 0.00100000, not 0
          d²f/dx[0]dx[1] WRONG        0.00100000 against 0 ± …
          and 3 more (all PASS)
        cause: f ignores this input: df/dx[0] does not change with x[1] here,
            and the gradient is not 0
        calls: … of f; repeat: gradcheck(f, [1.0, 2.0], gradient=..., order=2,
            rng=0)
        """,
    ),
    Case(
        Cause.STATIONARY,
        "gradcheck(lambda x: x**2, 0.0, gradient=lambda x: 2 * x + 0.5)",
        """
        WRONG df/dx: 0.500000, not 0
          df/dx       WRONG        0.500000 against 0 ± …
        cause: f is stationary here: the slope of f in x is 0, and the gradient
            is not
        power: relative errors of … would have been seen
        calls: … of f; repeat: gradcheck(f, 0.0, gradient=..., rng=0)
        """,
    ),
    Case(
        Cause.ONLY_HERE,
        "gradcheck(lambda x: x**3, 1.3, gradient=lambda x: 7.0 if x == 1.3 else 3 * x**2)",
        """
        WRONG df/dx: 7.00000, not 5.07000
          df/dx       WRONG        7.00000 against 5.07000 ± …
        cause: only wrong here: at three points nearby it is right
        power: relative errors of … would have been seen
        calls: … of f; repeat: gradcheck(f, 1.3, gradient=..., rng=0)
        """,
    ),
    Case(
        Cause.ONE_SIDE_OF_A_BRANCH,
        "gradcheck(lambda x: x**3, -3.0, gradient=lambda x: 3 * x**2 if x > 0 else x / 2)",
        """
        WRONG df/dx: -1.50000, not 27.0000
          df/dx       WRONG        -1.50000 against 27.0000 ± …
        cause: only wrong on one side of a branch: at the mirrored inputs it is
            right
        power: relative errors of … would have been seen
        calls: … of f; repeat: gradcheck(f, -3.0, gradient=..., rng=0)
        """,
    ),
    Case(
        Cause.GRAPH_CUT,
        "gradcheck(lambda x: x * x.data, 3.0)",
        """
        WRONG df/dx: 3.00000, not 6.00000
          df/dx       WRONG        3.00000 against 6.00000 ± …
        cause: graph cut: a Value is used as a plain number at test_it.py:10, so
            what follows does not know where it came from
        power: relative errors of … would have been seen
        calls: … of f; repeat: gradcheck(f, 3.0, gradient='backprop', rng=0)
        """,
    ),
    Case(
        Cause.OPERATION,
        """
        cube = mg.operation("cube", value="a**3", derivatives=["3 * a"])
        gradcheck(lambda x: cube(x) + mg.sin(x) * cube(x), 1.5)
        """,
        """
        WRONG df/dx: 9.22747, not 13.7218
          df/dx       WRONG        9.22747 against 13.7218 ± …
        operation: d cube / d a is 4.50000, not 6.75000 at test_it.py:11
            gradcheck(lambda x: cube(x) + mg.sin(x) * cube(x), 1.5)
                                ~~~~~~~
        operation: d cube / d a is 4.50000, not 6.75000 at test_it.py:11
            gradcheck(lambda x: cube(x) + mg.sin(x) * cube(x), 1.5)
                                                      ~~~~~~~
        cause: an operation is wrong: the derivative of cube with respect to a
        note: the other 3 recorded operations are right
        power: relative errors of … would have been seen
        calls: … of f; repeat: gradcheck(f, 1.5, gradient='backprop', rng=0)
        """,
    ),
    Case(
        Cause.OUTSIDE_A_KINK,
        "gradcheck(abs, 0.0, gradient=lambda x: 2.0)",
        """
        WRONG df/dx: 2.000, not in -1.000..1.000
          df/dx       WRONG        2.00000, slopes -1.00000 and 1.00000
        cause: outside the slopes of a kink; any number between them would do
        power: relative errors of … would have been seen
        calls: … of f; repeat: gradcheck(f, 0.0, gradient=..., rng=0)
        """,
    ),
    Case(
        Cause.TIE,
        "gradcheck(max, 2.0, 2.0, gradient=lambda x, y: (1.0, 1.0))",
        """
        WRONG df/dx0: misfit at a tie
          df/dx0      WRONG        1.00000, slopes 0 and 1.00000
          df/dx1      WRONG        1.00000, slopes 0 and 1.00000
        cause: misfit at a tie: where several of these inputs move at once, f
            has another slope than the entries say
        power: relative errors of … would have been seen
        calls: … of f; repeat: gradcheck(f, 2.0, 2.0, gradient=..., rng=0)
        """,
    ),
    Case(
        Cause.WRONG_SHAPE,
        "gradcheck(lambda x: (x**2).sum(), np.ones((2, 3)), gradient=lambda x: 2 * x.T)",
        """
        WRONG df/dx[0,0]: wrong shape
        cause: wrong shape: the gradient with respect to x has shape (3, 2),
            expected shape (2, 3); it is transposed
        calls: … of f; repeat: gradcheck(f, ..., gradient=..., rng=0)
        """,
    ),
    Case(
        Cause.WRONG_SHAPE,
        "gradcheck(lambda x, y: x * y, 2.0, 3.0, gradient=lambda x, y: 3.0)",
        """
        WRONG df/dx: wrong shape
        cause: wrong shape: f has 2 inputs, so its gradient is a tuple of as
            many; got 3.0
        calls: … of f; repeat: gradcheck(f, 2.0, 3.0, gradient=..., rng=0)
        """,
    ),
    Case(
        Cause.WRONG_TYPE,
        "gradcheck(lambda x: x * x, 2.0, gradient=lambda x: 4 + 0j)",
        """
        WRONG df/dx: wrong type
        cause: wrong type: the gradient holds (4+0j), which is not a real number
        calls: … of f; repeat: gradcheck(f, 2.0, gradient=..., rng=0)
        """,
    ),
    Case(
        Cause.NONE,
        "gradcheck(lambda x: x * x, 2.0, gradient=lambda x: None)",
        """
        WRONG df/dx: gradient is None
        cause: gradient is None: the one with respect to x; is it returned?
        calls: … of f; repeat: gradcheck(f, 2.0, gradient=..., rng=0)
        """,
    ),
    Case(
        Cause.NOT_FINITE,
        "gradcheck(lambda x: x * x, 2.0, gradient=lambda x: math.nan)",
        """
        WRONG df/dx: gradient is not finite
          df/dx       WRONG        nan against 4.00000 ± …
        cause: gradient is not finite: nan, and f has a slope here
        power: relative errors of … would have been seen
        calls: … of f; repeat: gradcheck(f, 2.0, gradient=..., rng=0)
        """,
    ),
    Case(
        Cause.STALE,
        """
        total = [0.0]

        def gradient(x):
            total[0] += 2 * x
            return total[0]

        gradcheck(lambda x: x * x, 3.0, gradient=gradient)
        """,
        """
        WRONG df/dx: stale
          df/dx       WRONG        6.00000 against 6.00000 ± …
        cause: stale: a second call gives twice the first, ratio 2; set the
            gradients to zero before each backward pass
        power: relative errors of … would have been seen
        calls: … of f; repeat: gradcheck(f, 3.0, gradient=..., rng=0)
        """,
    ),
    Case(
        Cause.GRADIENT_DOES_NOT_REPEAT,
        """
        numbers = iter([6.0, 6.5])
        gradcheck(lambda x: x * x, 3.0, gradient=lambda x: next(numbers))
        """,
        """
        WRONG df/dx: gradient does not repeat
          df/dx       WRONG        6.00000 against 6.00000 ± …
        cause: gradient does not repeat: two calls differ; is something in it
            random?
        power: relative errors of … would have been seen
        calls: … of f; repeat: gradcheck(f, 3.0, gradient=..., rng=0)
        """,
    ),
    Case(
        Cause.MUTATED_BY_F,
        """
        def f(x):
            x *= 2
            return x.sum()

        gradcheck(f, np.ones(2), gradient=lambda x: np.full(2, 2.0))
        """,
        """
        WRONG df/dx[0]: input mutated by f
          df/dx[0]    WRONG        2.00000 against 2.00000 ± …
          df/dx[1]    WRONG        2.00000 against 2.00000 ± …
        cause: input mutated by f: changed in place; let it work on a copy
        power: relative errors of … would have been seen
        calls: … of f; repeat: gradcheck(f, array([1., 1.]), gradient=...,
            rng=0)
        """,
    ),
    Case(
        Cause.MUTATED_BY_THE_GRADIENT,
        """
        def gradient(x):
            x *= 2
            return x

        gradcheck(lambda x: (x**2).sum(), np.ones(2), gradient=gradient)
        """,
        """
        WRONG df/dx[0]: input mutated by gradient
        cause: input mutated by gradient: changed in place; let it work on a
            copy
        calls: … of f; repeat: gradcheck(f, array([1., 1.]), gradient=...,
            rng=0)
        """,
    ),
    Case(
        Cause.UNDEFINED_HERE,
        "gradcheck(lambda x: mg.acosh(x), 0.5)",
        """
        EDGE df/dx: f is undefined here
          df/dx       EDGE         nothing to compare
        cause: f is undefined here: acosh(0.5) is undefined: it needs a >= 1
            (test_it.py:10)
        power: none: no error of any size would have been seen
        calls: … of f; repeat: gradcheck(f, 0.5, gradient='backprop', rng=0)
        """,
    ),
    Case(
        Cause.UNDEFINED_ON_ITS_LEFT,
        "gradcheck(lambda x: math.sqrt(x) ** 3, 0.0, gradient=lambda x: 0.0)",
        """
        EDGE df/dx: f is undefined on its left
          df/dx       EDGE         0 against nothing
        cause: f is undefined on its left
        power: none: no error of any size would have been seen
        calls: … of f; repeat: gradcheck(f, 0.0, gradient=..., rng=0)
        """,
    ),
    Case(
        Cause.UNDEFINED_ON_ITS_RIGHT,
        "gradcheck(math.asin, 1.0, gradient=lambda x: 0.0)",
        """
        EDGE df/dx: f is undefined on its right
          df/dx       EDGE         0 against nothing
        cause: f is undefined on its right
        power: none: no error of any size would have been seen
        calls: … of f; repeat: gradcheck(f, 1.0, gradient=..., rng=0)
        """,
    ),
    Case(
        Cause.JUMP,
        "gradcheck(lambda x: float(x >= 0), 0.0, gradient=lambda x: 0.0)",
        """
        EDGE df/dx: f jumps here
          df/dx       EDGE         0 against nothing
        cause: f jumps here
        power: none: no error of any size would have been seen
        calls: … of f; repeat: gradcheck(f, 0.0, gradient=..., rng=0)
        """,
    ),
    Case(
        Cause.UNBOUNDED_SLOPE,
        "gradcheck(lambda x: math.sqrt(abs(x)), 0.0, gradient=lambda x: 0.0)",
        """
        EDGE df/dx: slope without bound
          df/dx       EDGE         0 against nothing
        cause: slope without bound
        power: none: no error of any size would have been seen
        calls: … of f; repeat: gradcheck(f, 0.0, gradient=..., rng=0)
        """,
    ),
    Case(
        Cause.NOT_ADDITIVE,
        """
        def middle(x):
            return np.median(x)

        gradcheck(middle, np.ones(3), gradient=lambda x: np.array([0.0, 1.0, 0.0]))
        """,
        """
        EDGE df/dx[1]: slopes do not add up
          df/dx[1]    EDGE         1.00000 against 0 ± …
          and 2 more (all PASS)
        cause: slopes do not add up: where all inputs move at once, f has
            another slope than the sum of its slopes in each, so that no
            gradient fits
        power: none: no error of any size would have been seen
        calls: … of f; repeat: gradcheck(f, array([1., 1., 1.]), gradient=...,
            rng=0)
        """,
    ),
    Case(
        Cause.NO_GRADIENT_HERE,
        "gradcheck(lambda x: x * abs(x), 0.0, gradient=lambda x: 2 * x**2 / abs(x))",
        """
        EDGE df/dx: no gradient here
          df/dx       EDGE         nothing against … ± …
        cause: no gradient here: division by zero (test_it.py:10)
        power: relative errors of … would have been seen
        calls: … of f; repeat: gradcheck(f, 0.0, gradient=..., rng=0)
        """,
    ),
    Case(
        Cause.NO_REFERENCE_HERE,
        """
        def f(x):
            return mg.sqrt(x**4)

        gradcheck(f, 0.0, gradient=lambda x: 0.0, reference="backprop")
        """,
        """
        EDGE df/dx: no reference here
          df/dx       EDGE         0 against nothing
        cause: no reference here: the derivative of sqrt with respect to a does
            not exist at a = 0.0, where its value is 0.0; keep the inputs away
            from there
        power: none: no error of any size would have been seen
        calls: … of f; repeat: gradcheck(f, 0.0, gradient=...,
            reference='backprop', rng=0)
        """,
    ),
    Case(
        Cause.REFERENCE_WRONG,
        "gradcheck(lambda x: x**3, 2.0, gradient=lambda x: 3 * x**2, reference=lambda x: x)",
        """
        WRONG df/dx: 12.0000, not 2.00000
          df/dx       WRONG        12.0000 against 2.00000 ± …
        cause: reference is wrong: differences of f give 12.0000, as the
            gradient does
        power: relative errors of … would have been seen
        calls: … of f; repeat: gradcheck(f, 2.0, gradient=..., reference=...,
            rng=0)
        """,
    ),
    Case(
        Cause.F_DOES_NOT_REPEAT,
        """
        rng = random.Random(0)
        gradcheck(lambda x: x**2 + rng.gauss(0, 1e-6), 3.0, gradient=lambda x: 2 * x)
        """,
        """
        NOISY df/dx: 6.00000
          df/dx       NOISY        6.00000 against … ± …
        cause: f does not repeat: calls with the same inputs differ by …
        power: relative errors of … would have been seen
        calls: … of f; repeat: gradcheck(f, 3.0, gradient=..., rng=0)
        """,
    ),
    Case(
        Cause.QUANTISED,
        "gradcheck(lambda x: round(math.sin(x), 3), 1.0, gradient=math.cos)",
        """
        NOISY df/dx: 0.540302
          df/dx       NOISY        0.540302 against … ± …
        cause: f is quantised by …, which hides errors below …
        power: relative errors of … would have been seen
        calls: … of f; repeat: gradcheck(f, 1.0, gradient=..., rng=0)
        """,
    ),
    Case(
        Cause.NOISE,
        """
        def f(x):
            return math.sin(x) + 1e-7 * math.sin(1e17 * x)

        gradcheck(f, 1.0, gradient=math.cos)
        """,
        """
        NOISY df/dx: 0.540302
          df/dx       NOISY        0.540302 against … ± …
        cause: f is noisy by …, which hides errors below …
        power: relative errors of … would have been seen
        calls: … of f; repeat: gradcheck(f, 1.0, gradient=..., rng=0)
        """,
    ),
    Case(
        Cause.BLIND,
        "gradcheck(lambda x: 1e12 + math.sin(x), 1.0, gradient=math.cos)",
        """
        INCONCLUSIVE df/dx: 0.540302
          df/dx       INCONCLUSIVE 0.540302 against … ± …
        cause: differences of f see too little: no error below …, since f
            changes too little beside its own size, or too fast; give scale=,
            the length over which it changes, or a wider rtol=
        power: relative errors of … would have been seen
        calls: … of f; repeat: gradcheck(f, 1.0, gradient=..., rng=0)
        """,
    ),
    Case(
        Cause.SIGN_FLIPPED,
        """
        signs = np.ones(500)
        signs[70] = -1
        gradcheck(lambda x: (x**2).sum(), np.arange(1.0, 501.0), gradient=lambda x: 2 * x * signs)
        """,
        """
        WRONG df/dx[70]: -142.000, not 142.000
          df/dx[70]   WRONG        -142.000 against 142.000 ± …
          and 499 more (all PASS)
        cause: sign flipped
        power: relative errors of … would have been seen
        calls: … of f; repeat: gradcheck(f, ..., gradient=..., rng=0)
        """,
    ),
    Case(
        Cause.OPERATION,
        """
        quad = mg.operation("quad", value="a**4", derivatives=["3 * a"])
        third = mg.operation("third", value="a**3", derivatives=["3 * a"])

        def f(x):
            return mg.sum([third(a) + 2 * a + 3 * a + 4 * a + 5 * a + 6 * a + quad(a) for a in x])

        gradcheck(f, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
        """,
        """
        WRONG df/dx[5]: 56.0000, not 992.000
          df/dx[5]    WRONG        56.0000 against 992.000 ± …
          df/dx[4]    WRONG        50.0000 against 595.000 ± …
          df/dx[3]    WRONG        44.0000 against 324.000 ± …
          and 3 more (all WRONG)
        operation: d quad / d a is 3.00000, not 4.00000 at test_it.py:14, and 5
            more like it
            …d(a) + 2 * a + 3 * a + 4 * a + 5 * a + 6 * a + quad(a) for a in x])
                                                            ~~~~~~~
            and in 1 more place: third
        cause: an operation is wrong: the derivative of quad with respect to a
        note: the other 72 recorded operations are right
        power: relative errors of … would have been seen
        calls: … of f; repeat: gradcheck(f, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
            gradient='backprop', rng=0)
        """,
    ),
    Case(
        Cause.CONSTANT_FACTOR,
        "gradcheck(lambda x: x**3, 1.3, gradient=lambda x: 3 * x**2 * (1 + 3e-7), rtol=1e-8)",
        """
        WRONG df/dx: 5.070002, not 5.070000
          df/dx       WRONG        5.070002 against 5.070000 ± …
        cause: off by a constant factor of 1 + 3e-07
        power: relative errors of … would have been seen
        calls: … of f; repeat: gradcheck(f, 1.3, gradient=..., rtol=1e-08,
            rng=0)
        """,
    ),
    Case(
        Cause.UNDEFINED_HERE,
        """
        def f(x):
            raise ValueError("this is a long story, " * 20)

        gradcheck(f, 2.0, gradient=lambda x: 1.0)
        """,
        """
        EDGE df/dx: f is undefined here
          df/dx       EDGE         nothing to compare
        cause: f is undefined here: this is a long story, this is a long story,
            this is a long story, this is a long story, this is a long story,
            this is a long story, this is a long story, this is a long story, …
        power: none: no error of any size would have been seen
        calls: … of f; repeat: gradcheck(f, 2.0, gradient=..., rng=0)
        """,
    ),
    Case(
        Cause.WRONG_TYPE,
        """
        def f(weights, biases):
            return weights[0][0] * 1e-5 + biases[0][0] * 1e7

        W = [[1.2345678e-5] * 2] * 2
        gradcheck(f, W, W, gradient=lambda w, b: ([["1e-5"] * 2] * 2, b))
        """,
        """
        WRONG df/dweights[0,0]: wrong type
        cause: wrong type: the gradient holds '1e-5', which is not a real number
        calls: … of f; repeat: gradcheck(f, ..., gradient=..., rng=0)
        """,
    ),
]
