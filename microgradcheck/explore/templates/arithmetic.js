// What the table's texts may call and JavaScript does not have.

// Python's power: nan stays nan, and 1 to any power is 1.
function power(a, b) {
  if (Number.isNaN(a) || Number.isNaN(b)) return a + b;
  if (a === 1 || (a === -1 && !Number.isFinite(b))) return 1;
  return Math.pow(a, b);
}

// Python's remainder has the sign of the divisor.
function modulo(a, b) {
  const remainder = a % b;
  return remainder !== 0 && remainder < 0 !== b < 0 ? remainder + b : remainder;
}

// Abramowitz and Stegun 7.1.6. All terms have one sign, so no digit is lost to cancellation;
// from 6 on, what is left to 1 is less than half of the last digit.
function erf(a) {
  if (Math.abs(a) >= 6) return Math.sign(a);
  let term = a;
  let sum = a;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n += 1) {
    term *= (2 * a * a) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-a * a) * sum;
}
