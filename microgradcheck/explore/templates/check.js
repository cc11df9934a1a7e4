// Gradients checked by central differences: f at both sides of an input, and nothing else.

// How far rounding may move f.
function measureNoise(inputs) {
  const [y, ...nudged] = [0, 1, 2, 3, 4].map(
    (nudge) => forwardSweep(inputs, nudge).values[graph.root],
  );
  const moved = nudged.filter(Number.isFinite).map((other) => Math.abs(other - y));
  return Math.max(Number.EPSILON * Math.abs(y), ...moved);
}

// What one step says, and how far to trust it: as far as a step of 2h says the same.
function difference(f, h, noise) {
  const [farLeft, left, center, right, farRight] = [-2, -1, 0, 1, 2].map((steps) => f(steps * h));
  const estimate = (right - left) / (2 * h);
  const curve = Math.abs(estimate - (farRight - farLeft) / (4 * h));
  const slopes = [(center - left) / h, (right - center) / h];
  const steepest = Math.max(...slopes.map(Math.abs));
  const turn = Math.abs(slopes[1] - slopes[0]);
  const farTurn = Math.abs(farLeft - 2 * center + farRight) / (2 * h);
  // In a curve, half the step halves the turn; at a kink, the turn stays.
  const corner = turn > 0.75 * farTurn && turn > 1e-3 * steepest;
  // Beside a small f, a step reaches what is large, and no float is finer than the last.
  const roundedBy = Math.max(Number.EPSILON * Math.max(Math.abs(left), Math.abs(right)), 2 ** -1074);
  return { estimate, slopes, steepest, corner, curve, rounding: Math.max(noise, roundedBy) / h };
}

const boundOf = ({ curve, rounding }) => curve + rounding;

// What one step says of a gradient; "unclear" where a smaller one may tell more.
function judgeStep(gradient, found, kink) {
  const { estimate, slopes, steepest, corner, curve, rounding } = found;
  const size = Math.max(Math.abs(gradient), steepest);
  const bound = boundOf(found);
  // At a flat point, all digits of a difference may be those of its error.
  const isNothing = gradient === 0 && Math.abs(estimate) <= bound && bound <= 1e-9;
  if (size === 0 || (isNothing && !corner)) return "agree";
  if (rounding > 4e-4 * size || curve > 1e-4 * steepest + rounding) return "unclear";
  const [low, high] = [Math.min(...slopes), Math.max(...slopes)];
  const isBetween = low - 1e-3 * size <= gradient && gradient <= high + 1e-3 * size;
  // No operation stands at a kink: the step reaches over one near by, or over a pole.
  if (corner && !kink) return "unclear";
  if (corner && isBetween) return "kink";
  const slack = 1e-6 * Math.max(Math.abs(gradient), Math.abs(estimate));
  if (Math.abs(gradient - estimate) > slack + bound) return "differ";
  return digitsOf(gradient, estimate) < 3 ? "unclear" : "agree";
}

// Check one entry of a gradient. Steps are powers of two, and shrink until one can tell: a large one
// reaches over kinks and edges nearby, and a small one drowns in rounding.
function check(inputs, position, gradient, kink, noise) {
  const number = inputs[position];
  const f = (step) => {
    const moved = Object.assign([...inputs], { [position]: number + step });
    return forwardSweep(moved).values[graph.root];
  };
  let best = { verdict: "edge", estimate: NaN, slopes: [], curve: Infinity, rounding: 0 };
  if (!Number.isFinite(gradient) || !Number.isFinite(f(0))) return { ...best, verdict: "none" };
  let other = null;
  const first = 2 ** (Math.round(Math.log2(Math.max(1, Math.abs(number)))) - 17);
  for (let h = first; h > 2 ** -45 * (Math.abs(number) || 1); h /= 16) {
    const found = difference(f, h, noise);
    const bound = boundOf(found);
    if (!Number.isFinite(bound)) continue;
    const verdict = judgeStep(gradient, found, kink);
    if (verdict === "agree" || verdict === "kink")
      return { ...found, verdict, digits: digitsOf(gradient, found.estimate) };
    if (bound < boundOf(best)) best = { ...found, verdict: "unclear" };
    if (verdict === "unclear") continue;
    // One step alone may be fooled; where two say the same, the gradient is wrong.
    const isSure = other && Math.abs(found.estimate - other.estimate) <= bound + boundOf(other);
    if (isSure) return { ...found, verdict };
    other = found;
  }
  return best;
}

// How many digits two numbers share.
function digitsOf(p, q) {
  const size = Math.max(Math.abs(p), Math.abs(q)) || 1;
  return Math.min(15, Math.floor(-Math.log10(Math.abs(p - q) / size)));
}
