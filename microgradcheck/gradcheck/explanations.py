"""The long text behind every verdict and every cause: what a report has no room for."""

from __future__ import annotations

import difflib
import textwrap
from typing import Final

from microgradcheck.gradcheck.entry import Verdict
from microgradcheck.gradcheck.named_causes import Cause

__all__ = ["EXPLANATIONS", "explain"]

_WIDTH = 72
_HEADINGS = ("What it means", "How it is found", "What usually made it", "What to do")


def explain(topic: str) -> str:
    """Return the explanation of a verdict or a cause.

    Args:
        topic: a verdict; the name of a cause, or a part of it that no other has; or what a report
            says after "cause:".

    Raises:
        ValueError: there is no such verdict or cause; the text says which were perhaps meant.

    Example:
        >>> print(explain("sign"))
        sign flipped
        <BLANKLINE>
        What it means
          The gradient has the right size and the wrong sign.
        ...
    """
    found = _find(" ".join(topic.split()))
    lines = [str(found)]
    for heading, answer in zip(_HEADINGS, EXPLANATIONS[found].split("\n\n"), strict=True):
        text = textwrap.fill(" ".join(answer.split()), _WIDTH - 2, break_on_hyphens=False)
        lines += ["", heading, textwrap.indent(text, "  ")]
    return "\n".join(lines)


def _find(topic: str) -> Verdict | Cause:
    wanted = topic.casefold()
    for known in EXPLANATIONS:
        if wanted == known.casefold():
            return known
    named = Cause.of(topic)
    if named:
        return named
    having = [known for known in EXPLANATIONS if wanted and wanted in known.casefold()]
    if len(having) == 1:
        return having[0]
    meant = having or _spelled_like(wanted)
    if meant:
        names = " or ".join(repr(str(name)) for name in meant[:5])
        raise ValueError(f"{topic!r} is not explained; did you mean {names}?")
    known_topics = textwrap.fill(", ".join(EXPLANATIONS), _WIDTH, break_on_hyphens=False)
    raise ValueError(f"{topic!r} is not explained. These are:\n{known_topics}")


def _spelled_like(wanted: str) -> list[Verdict | Cause]:
    spellings: dict[str, Verdict | Cause] = {}
    for known in EXPLANATIONS:
        # A word of a name stands for it: `transposd` for `Jacobian transposed`.
        for spelling in (known.casefold(), *known.casefold().split()):
            spellings.setdefault(spelling, known)
    near = difflib.get_close_matches(wanted, spellings, n=3, cutoff=0.75)
    return list(dict.fromkeys(spellings[spelling] for spelling in near))


# Four paragraphs each: what it means, how it is found, what usually made it, what to do.
EXPLANATIONS: Final[dict[Verdict | Cause, str]] = {
    # Verdicts
    Verdict.PASS: """
        The number agrees with plain arithmetic, and the check could have seen it disagree:
        the report's power is the smallest relative error that would have been found. A pass
        says nothing of inputs at which nobody checked, nor whether f is the function you
        meant.

        f is called at several distances on both sides of the input, the slopes are
        extrapolated to a distance of zero, and the result carries a bound of its own error,
        from the spread of the slopes and the measured noise of f. The number passes where
        it lies within the tolerance and that bound, and where an error of 1e-4 of the
        derivative, or of twice a larger tolerance, would have been seen.

        A right gradient.

        Look at the power. To see smaller errors, pass a smaller rtol, or make f less noisy.
        Check at several inputs that are not special: no zeros, no equal entries, every
        branch once.
    """,
    Verdict.KINK: """
        f has different slopes on its two sides here, so it has no derivative, and the
        number lies between the two. Any number between them is as good as another. It
        passes.

        The slopes on both sides are extrapolated by themselves. They differ, and go on
        differing down to the finest step at which the noise of f leaves anything to be
        seen.

        abs, relu, max or min exactly at its corner, or nearer to it than the finest step;
        very often an input of exactly 0 in a test, or two entries that are equal.

        To check the gradient itself, move the input off the corner. To pin what your code
        gives at the corner, assert that number by itself.
    """,
    Verdict.INCONCLUSIVE: """
        Plain arithmetic cannot tell whether the number is right: an error big enough to
        matter could hide behind the error of the differences. It does not pass, since a
        check that cannot fail is none.

        No set of steps gave an error bound under 1e-4 of the derivative, and the noise of f
        is not much more than the rounding of its own value.

        A value of f that is huge beside what the input does to it, such as 1e12 + sin(x);
        an f that changes over a length very different from |x|; an f that swings faster
        than any step.

        Subtract what does not depend on the input; pass scale=, the length over which f
        changes; check at an input of the size that f was made for. Where none of that can
        be, accept=("INCONCLUSIVE",) lets it pass, and the report still shows its power.
    """,
    Verdict.NOISY: """
        f's values are noisy: a wrong gradient could hide in the noise, or the function is
        not the same from call to call. It does not pass.

        f is called twice with the same input, and at points so near to one another that a
        smooth function would be a low polynomial there; what is left over is noise, and the
        report gives its standard deviation.

        Random numbers in f (dropout, sampling), arithmetic in float32, a table or an
        integer inside, rounded results, a solver that stops at a tolerance.

        Fix the seed in f; compute in float64; tighten the solver. Where the noise belongs
        to f, accept=("NOISY",) lets it pass as far as the noise allows, and the power says
        how far.
    """,
    Verdict.EDGE: """
        f has no derivative here: it is undefined, here or on one side, it jumps, or its
        slope has no bound. So there is nothing that the number could equal. It does not
        pass.

        f gives nan, an infinity or an error on one side at every step that can be told from
        zero, or its differences do not shrink with the step, or grow faster than a slope
        may.

        sqrt, log or a division at 0, acosh below 1, a power with a negative base, a
        rounding or a comparison in f, exactly where it switches.

        Check at an input inside of the domain. If users will reach this one, f needs a case
        of its own for it. accept=("EDGE",) lets it pass.
    """,
    Verdict.WRONG: """
        The number differs from the derivative by more than the tolerance and the error
        bound of plain arithmetic can explain, or what was given is no gradient of f at all.
        The cause says in which way, as far as there is evidence for it.

        As for PASS: slopes at several distances, extrapolated, with a bound of their error.
        The bound is what makes this a verdict and not a guess about a tolerance.

        A slip in the gradient by hand: a sign, a factor, a term, an index, an axis. Seldom
        f itself: the check cannot know which of the two you meant.

        Read the cause, and explain it in turn. Repeat the check with the call that the
        report gives. report.opinions() shows the differences over many steps beside other
        ways to the same number. If f is a sum of terms, check them one by one.
    """,
    # Wrong, and the numbers show how
    Cause.SIGN_FLIPPED: """
        The gradient has the right size and the wrong sign.

        The number is minus the derivative, to four digits, in every wrong entry.

        A loss that is minimised where its gain was derived, or the other way round; a - b
        differentiated with respect to b as if it were a; the minus of a quotient rule or of
        d/dx cos(x) lost.

        Look for one minus too many or too few. If only some entries have it, look at the
        term that those entries share.
    """,
    Cause.CONSTANT_FACTOR: """
        The gradient is the derivative times one and the same number.

        At least two wrong entries, or one entry at three more inputs nearby, have the same
        ratio to the derivative. One entry at one input would not be enough: any two numbers
        have a ratio.

        2: a square whose 1/2 is in f or in the gradient, not in both, or two backward
        passes that add up. 0.5: the same the other way. The number of samples, or one over
        it: a sum in one and a mean in the other. log(10): the wrong logarithm. 57.3:
        degrees. A factor near 1: a constant that was rounded, such as 3.14.

        Find what has the size of the factor: a batch, a dimension, a weight, a unit.
    """,
    Cause.FACTOR: """
        The number is not the derivative, and no pattern explains it. The ratio of the two
        is given, but it is a different one at other inputs, or could not be found there, so
        it is not the fault: hence the maybe.

        The ratio was looked for at three more inputs nearby, and every other cause was
        tried first.

        A term that is missing or too many, the rule of another function, an inner
        derivative that was forgotten, an index that is off by one.

        Take f apart and check its terms one by one. If f can take Values, check with
        gradient="backprop" too: where that passes, f is fine and the rule by hand is not.
    """,
    Cause.ENTRIES_SWAPPED: """
        Each of two entries, or of two groups of them, has the derivative of the other.

        The numbers fit crosswise, to four digits, and nothing else is wrong.

        Partial derivatives returned in another order than the arguments; a stack or
        concatenate in the wrong order; an index such as [1, 0] for [0, 1].

        Compare the order of what is returned with the order of f's arguments and entries.
    """,
    Cause.JACOBIAN_TRANSPOSED: """
        The matrix is the transpose of the Jacobian. Its rows belong to the outputs of f,
        its columns to the inputs: entry [i, j] says how output i changes with input j.

        Every number equals the derivative at the mirrored place. Where the Jacobian is
        symmetric at the inputs given, it is looked at elsewhere, too, since a transpose
        would pass.

        J.T where J was meant; stacking the derivatives of the outputs as columns; a
        gradient in the convention that puts inputs first.

        Return the transpose. With more axes, all axes of the output come first, then those
        of the input.
    """,
    Cause.USE_NOT_ACCUMULATED: """
        An input is used more than once, and the gradient has the contribution of one use
        where it should have the sum of them all.

        f is recorded, the contribution of every single use is computed, and the number
        equals one of them.

        = for += where the backward pass hands a gradient to an input; a term of the product
        rule or of the chain rule that was forgotten, as in d/dx (x sin x) = sin x.

        Add up over all uses: start at zero, and let every use add to it.
    """,
    Cause.ALWAYS_ZERO: """
        The gradient is zero where f has a slope, and not only at these inputs.

        The number is exactly 0, in every wrong entry or at more inputs nearby, and the
        derivative is not.

        A gradient that was made with zeros and not filled in; an integer array, which cuts
        fractions off; a detached copy; backward() that was never called, or zeroed too
        late.

        Follow the number back from where it is returned to where it should have been set.
    """,
    Cause.ZERO_HERE: """
        The gradient is zero here, where f has a slope, though it is not zero at other
        inputs.

        The number is exactly 0 here, and was not, or could not be had, at inputs nearby.

        A mask or an `if` that leaves out too much, such as x > 1 where x > 0 was meant; a
        clip; an underflow, such as exp(-1000).

        Find the branch that these inputs take.
    """,
    Cause.INPUT_IGNORED: """
        f does not depend on this input, and the gradient says that it does.

        f gave bit for bit the same value however the input was moved, up to a tenth of its
        size. The gradient should be exactly 0.

        A gradient in the order of other arguments; a rest of rounding that is taken for a
        derivative; an f that does not use what it was meant to use.

        If f should depend on it, mend f: a gradient check cannot see that f is another
        function than the one you meant. Otherwise return 0.
    """,
    Cause.STATIONARY: """
        The slope of f in this input is zero here, as at the bottom of a bowl, and the
        gradient is not.

        Differences of f vanish within their error bound, while f does change further away.

        A point that is special: the derivative of f is zero, and a wrong term of the
        gradient shows by itself.

        The number that the report shows is just that wrong term. Find out what has this
        size.
    """,
    Cause.ONLY_HERE: """
        The gradient is wrong at these inputs, and right at others close by.

        At three more inputs nearby the gradient equals the derivative.

        A special case for exactly this input, such as x == 0; a value cached under it; a
        result that is kept from an earlier call.

        Look for what treats this input by itself.
    """,
    Cause.ONE_SIDE_OF_A_BRANCH: """
        The gradient is wrong here, and right where all inputs have the other sign: one
        branch of it is wrong.

        The gradient equals the derivative at the mirrored inputs -x.

        A gradient with an `if`, a where or a mask, of which one branch was never tried:
        leaky relu, elu, huber, abs.

        Mend the branch that these inputs take, and keep a check on each side.
    """,
    Cause.GRAPH_CUT: """
        f turned a Value into a plain number. What is computed from that number does not
        know where it came from, so its part of the gradient is missing.

        f is recorded once more while every reading of .data and every float() is watched;
        the report gives file and line of the first.

        float(x), x.data, int(x), round(x), math.exp(x), np.exp of an array of numbers made
        from Values, f-strings that are parsed again.

        Compute with the Value itself: mg.exp(x) for math.exp(x). If the number is meant to
        be a constant, the gradient is right to leave it out, and f is another function than
        the one that plain arithmetic sees.
    """,
    Cause.OPERATION: """
        One recorded operation has a wrong derivative of its own; the gradient is wrong
        because of it.

        Every recorded operation is checked alone, at the inputs that it was given: its
        derivative against differences of its value. The report names the operation, both
        numbers, and the expression that recorded it; the others are right.

        A slip in an operation that was defined with mg.operation.

        Mend its derivative. Then check the operation alone, at more inputs, before the
        graph.
    """,
    # Wrong at a kink
    Cause.OUTSIDE_A_KINK: """
        f has a kink here, where any number between the slopes of both sides would do, and
        the gradient is not one.

        The slopes on both sides are known with their error bounds, and the number is
        outside.

        A rule that adds both sides up where they should share, such as 1 + 1 at a tie; a
        branch for equality with a number of its own.

        Return one of the slopes, or a number between them; abs and relu usually give 0.
    """,
    Cause.TIE: """
        Several entries sit on one kink, each passes by itself, and together they are no
        gradient: moving several inputs at once changes f in another way than the entries
        say.

        f is followed along directions that move the tied inputs together: their sum, their
        differences, random signs. The entries must give a slope between those that f has
        there.

        A maximum whose every tied entry gets the full gradient, ones where the whole should
        be 1; or none gets any.

        Give it all to one of the tied entries, or to each an equal share.
    """,
    # No gradient, or none that stays what it was
    Cause.WRONG_SHAPE: """
        What was given has not the shape of a gradient of f.

        The gradient of a number with respect to an input has that input's shape. For
        several inputs it is a tuple with one for each; for an f with several outputs it is
        the Jacobian, all output axes first, then the input's.

        A sum over the wrong axis, a broadcast, a transpose, keepdims; one array for two
        inputs; a column for a row.

        Compare the two shapes that the report gives. A gradient that was summed too far
        cannot be reshaped back: find the sum.
    """,
    Cause.WRONG_TYPE: """
        The gradient holds something that is no real number.

        Every entry is asked for its float; text, None and complex numbers have none.

        A gradient made of complex numbers whose imaginary part was not dropped; a list with
        None for inputs that were thought to need none.

        Return real numbers; 0.0 where f does not depend on an input.
    """,
    Cause.NONE: """
        The gradient function returned None for an input.

        It was called, and that is what it gave.

        A function without a return; one that writes into x.grad and returns nothing.

        Return the gradient.
    """,
    Cause.NOT_FINITE: """
        The gradient is nan or infinite, and f has an ordinary slope here.

        Differences of f are finite and agree with one another.

        0 / 0, 0 * inf or inf - inf in the gradient: x / |x| at 0, a softmax without its
        shift, sqrt(x) ** 2 at 0, a where whose other branch is nan.

        Find the first number in the gradient that is not finite; np.errstate(all='raise')
        stops there.
    """,
    Cause.STALE: """
        The gradient remembers: a second call with the same input gives twice the first.

        The gradient is asked twice, and the ratio is 2.

        Gradients that add up over calls, and are not set to zero before each one, as .grad
        of the leaves does by design in many libraries.

        Set them to zero before each backward pass, or return fresh ones.
    """,
    Cause.GRADIENT_DOES_NOT_REPEAT: """
        Two calls of the gradient with the same input give different numbers. Which of them
        should be checked? It is wrong whatever the first one was.

        The gradient is asked twice, and compared to twelve digits.

        Random numbers in it (dropout, a mini-batch), a state that it changes, a cache.

        Draw the random numbers before, and hand them to f and gradient alike.
    """,
    Cause.MUTATED_BY_F: """
        f changed the array that it was given. Whoever calls it loses their data, and what f
        gives for a second call differs.

        f gets a copy of the input, which is compared with the input afterwards.

        x += ..., x[...] = ..., x.sort(), out=x, or a reshaped view of x that is written to.

        Work on a copy: x = x + ..., np.sort(x), x.copy().
    """,
    Cause.MUTATED_BY_THE_GRADIENT: """
        The gradient function changed the array that it was given.

        It gets a copy of the input, which is compared with the input afterwards.

        x *= 2 where 2 * x was meant, or a buffer that is reused for the result.

        Work on a copy: return 2 * x.
    """,
    # No plain pass, and not wrong
    Cause.KINK: """
        f has different slopes on both sides of this input, and the gradient lies between
        them.

        The slopes on both sides are extrapolated by themselves, down to the finest step
        that noise allows, and differ.

        abs, relu, max or min at its corner: an input of exactly 0, or a tie.

        Nothing, if the corner is meant. Otherwise check at an input off the corner.
    """,
    Cause.UNDEFINED_HERE: """
        f has no value at this very input.

        f gave nan or an infinity, or raised a ValueError or an ArithmeticError, whose text
        follows.

        An input outside of the domain: log(-1), acosh(0.5), 1 / 0; an overflow, such as
        exp(1000).

        Check at an input where f has a value.
    """,
    Cause.UNDEFINED_ON_ITS_LEFT: """
        f has values here and above, and none for smaller inputs however near: no
        derivative, at best one from the right.

        f gave nan, an infinity or an error at every smaller input that can be told from
        this one.

        sqrt(x), log1p(x - 1), x ** 1.5 or a domain that ends here.

        Check inside of the domain.
    """,
    Cause.UNDEFINED_ON_ITS_RIGHT: """
        f has values here and below, and none for greater inputs however near: no
        derivative, at best one from the left.

        f gave nan, an infinity or an error at every greater input that can be told from
        this one.

        asin(x) at 1, sqrt(1 - x), or a domain that ends here.

        Check inside of the domain.
    """,
    Cause.JUMP: """
        f jumps at this input: its value to the left and to the right differs, however near.

        Differences of f keep their size while the step shrinks.

        A comparison, a rounding, floor, sign or an argmax inside f, exactly where it
        switches.

        Check away from the jump. A gradient that descends through such an f sees nothing of
        it.
    """,
    Cause.UNBOUNDED_SLOPE: """
        f has a value here, and its slope grows without bound towards it: the tangent is
        vertical.

        Slopes of f grow as the step shrinks, and do not settle.

        sqrt|x|, the cube root, x log x, norms and distances at 0.

        Check elsewhere. If optimisation reaches this input, add a small constant under the
        root.
    """,
    Cause.NO_GRADIENT_HERE: """
        f has a value and a slope here, and the gradient could not be computed.

        It raised an ArithmeticError, or backpropagation a ValueError, whose text follows.

        0 / 0 in the gradient, or a rule that takes the logarithm or the root of what may be
        0.

        Give the gradient a case of its own for this input.
    """,
    Cause.NO_REFERENCE_HERE: """
        The source of gradients that was named as reference could not compute one here.

        It raised a ValueError or an ArithmeticError, whose text follows.

        A reference by backpropagation or complex step at an input where its rules have no
        value.

        Leave reference= out: differences of f are the default.
    """,
    Cause.F_DOES_NOT_REPEAT: """
        Two calls of f with the same input give different values.

        f is called twice, and differs by more than the last few bits, which threads may
        disturb.

        Dropout, sampling, a shuffled batch, a state that f changes, the clock.

        Draw the random numbers before and hand them in, or make f seed its generator
        afresh.
    """,
    Cause.QUANTISED: """
        f changes in steps: between them it stands still, and no derivative can be seen.

        At fine steps f gives bit for bit the same value, at coarse ones it moves.

        round, an integer type, a table, float16 or float32 inside, a printed number read
        back.

        Check the function without the rounding, in float64.
    """,
    Cause.NOISE: """
        f's values scatter by more than rounding in float64 explains, and a wrong gradient
        could hide in that.

        Differences of high order of f at equally spaced inputs, in which anything smooth
        vanishes and noise stays.

        float32 inside, a solver or an integral that stops at a tolerance, sums over many
        terms.

        Compute in float64, tighten the tolerance, or accept the power that is left.
    """,
    Cause.BLIND: """
        Differences of f cannot see an error of the size that is given, nor a smaller one.

        The smallest error bound of any set of steps is more than 1e-4 of the derivative.

        A value of f that is huge beside its change, so that rounding swallows the change;
        or a length over which f changes that is far from |x|.

        Subtract the constant part of f, or pass scale=, the length over which f changes.
    """,
}
"""What `explain` knows: every verdict and every cause."""
