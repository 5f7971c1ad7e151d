#!/usr/bin/env python3
"""Checks a proof of `collado certify --proof` for small dense networks, in integers: nothing is rounded but outwards.

Usage: tools/check_proof.py PROOF PATH.safetensors DATA

DATA is an .npz file with x and y (x_test, y_test), or `digits`. Numbers are integers times 2^-512, so that parameters, points of
the path and their products are exact; what a shift cuts off is added to a radius. NumPy reads files and multiplies matrices of
Python's integers. It shares nothing with the program but the formats. Covered: linear, relu and tanh networks, cross-entropy and
squared loss, the regularisers l2 and l2-last. Exit status 0 if all pieces hold, 1 if not.
"""
import gzip, hashlib, json, math, pathlib, sys
from fractions import Fraction

import numpy as np

P, ONE = 512, 1 << 512

def fail(text):
    sys.exit(f"error: {text}")

def exact(x):
    """The integer x / 2^-P of a double or a fraction."""
    scaled = Fraction(x) * ONE
    return scaled.numerator if scaled.denominator == 1 else fail(f"{float(x)} is finer than the numbers here")

def integers(array):
    array = np.asarray(array, dtype=np.float64)
    return np.array([exact(float(x) if np.isfinite(x) else fail("a number is not finite")) for x in array.ravel()], dtype=object).reshape(array.shape)

def exp(x):
    """Encloses exp(x) for x <= 0 by Taylor's series at x / 2^k, squared k times."""
    k = max(0, (-x).bit_length() - P + 8)
    y = x >> k  # Rounded down: y 2^-P <= x / 2^k < (y + 1) 2^-P.
    total, term, n = ONE, ONE, 0
    while term not in (0, -1):
        n += 1
        term = term * y // (n << P)
        total += term
    low, high = total - 4 * (n + 2), total + 4 * (n + 2)  # Each term is cut by less than one unit, and so is y.
    for _ in range(k):
        low, high = (max(low, 0) ** 2) >> P, ((high ** 2) >> P) + 1
    return max(low, 0), min(high, ONE)

def log(x):
    """Encloses log(x) for x >= 1: x = 2^k m with 1 <= m < 2, log m = 2 artanh((m - 1) / (m + 1))."""
    def artanh(numerator, denominator):
        z = (numerator << P) // denominator
        square, power, total, n = (z * z) >> P, z, 0, 1
        while power:
            total += power // n
            power, n = (power * square) >> P, n + 2
        return 2 * total - 8 * (n + 4), 2 * total + 8 * (n + 4)
    m = x >> (k := x.bit_length() - P - 1)
    (low, high), (two_low, two_high) = artanh(m - ONE, m + ONE), artanh(ONE, 3 * ONE)
    return low + k * two_low, high + k * two_high + 4

def tanh(x):
    """Encloses (1 - e) / (1 + e) with e = exp(-2|x|), and its negative for x < 0."""
    low, high = exp(-2 * abs(x))
    a, b = ((ONE - high) << P) // (ONE + high), ((ONE - low) << P) // (ONE + low) + 1
    return (a, b) if x >= 0 else (-b, -a)

def times(a, b):
    """The product of two pairs."""
    return min(x * y for x in a for y in b) >> P, (max(x * y for x in a for y in b) >> P) + 1

def square_rest(a):
    """1 - a^2 for a pair in [-1, 1]."""
    small, large = (0 if a[0] <= 0 <= a[1] else min(abs(a[0]), abs(a[1]))), max(abs(a[0]), abs(a[1]))
    return max(0, ONE - ((large * large) >> P) - 1), ONE - ((small * small) >> P)

def tanh_second(a, b):
    """Encloses -2t(1 - t^2), t = tanh z, and 0 on [a, b]: it is odd, falls to -.769800358.. at z = .658478948.. and rises after it."""
    peak, most, near = int(Fraction("0.658478948") * ONE), int(Fraction("0.769800359") * ONE), ONE // 10**8
    ends = [end for t in (tanh(a), tanh(b)) for end in times((-2 * t[1], -2 * t[0]), square_rest(t))]
    low = -most if a <= peak + near and b >= peak - near else min(ends)
    high = most if a <= near - peak and b >= -peak - near else max(ends)
    return max(min(low, 0), -most), min(max(high, 0), most)

def middle(pair):
    return (c := (pair[0] + pair[1]) >> 1), pair[1] - c + 1

def smooth(c, l, r, delta):
    """tanh by Taylor's formula around the centre, or as a constant where it moves less than that is off."""
    reach = ((delta * abs(l)) >> P) + 1 + r
    (v, v_off), (d, d_off) = middle(value := tanh(c)), middle(square_rest(value))
    half = ((reach * reach) >> (P + 1)) + 1
    rest, off = middle(times((0, half), tanh_second(c - reach, c + reach)))
    radius = ((abs(d) * r) >> P) + ((d_off * reach) >> P) + 4 + v_off + off
    return (v, 0, reach + v_off) if reach + v_off < radius else (v + rest, (d * l) >> P, radius)

def relu(c, l, r, delta):
    low, high = c - (reach := ((delta * abs(l)) >> P) + 1 + r), c + reach
    if low >= 0 or high <= 0:
        return (c, l, r) if low >= 0 else (0, 0, 0)
    alpha = (high << P) // (high - low)
    half = (max(-alpha * low, (ONE - alpha) * high) >> (P + 1)) + 1
    return ((alpha * c) >> P) + half, (alpha * l) >> P, ((alpha * r) >> P) + half + 4

def activated(name, model, delta):
    rules = {"linear": lambda c, l, r, _: (c, l, r), "relu": relu, "tanh": smooth}
    rows = [[rules[name](*neuron, delta) for neuron in zip(*row)] for row in zip(*model)]
    return tuple(np.array([[n[i] for n in row] for row in rows], dtype=object) for i in range(3))

def affine(model, weights, biases, powers):
    """The forms of W(s) a + b(s) for all rows; `weights` and `biases` are the coefficients of s^k."""
    c, l, r = model
    products = [np.zeros((len(c), len(weights[0])), dtype=object) for _ in range(len(weights) + 1)]
    for k, (w, b) in enumerate(zip(weights, biases)):
        products[k] += ((c @ w.T) >> P) + b
        products[k + 1] += (l @ w.T) >> P
    size = sum((power * abs(w) >> P) + 1 for power, w in zip(powers, weights))
    # Every shift cuts off less than a unit; there are fewer than 8 (d + 2) of them, each times a power of delta <= 1.
    radius, centre, slope = ((r @ size.T) >> P) + 8 * (len(weights) + 2), products[0], products[1]
    for k in range(2, len(products)):
        share, rest = (3, 1) if k == 3 else (2, 2)
        line = (share * powers[k - k % 2] * products[k]) >> (P + 2)
        centre, slope = (centre + line, slope) if k % 2 == 0 else (centre, slope + line)
        radius = radius + ((rest * powers[k] * abs(products[k])) >> (P + 2)) + 1
    return centre, slope, radius

def cross_entropy(margins):
    """Bounds of log(1 + sum exp(m)) for pairs m."""
    tops = [max([0] + [m[end] for m in margins]) for end in (0, 1)]
    sums = [sum(exp(m[end] - top)[end] for m in margins) + exp(-top)[end] for end, top in enumerate(tops)]
    return [top + log(max(total, ONE))[end] for end, (top, total) in enumerate(zip(tops, sums))]

def squared(outputs, targets):
    shifted = [(low - y, high - y) for (low, high), y in zip(outputs, targets)]
    near = [0 if low <= 0 <= high else min(abs(low), abs(high)) for low, high in shifted]
    return [sum(x * x >> P for x in near), sum((max(-low, high) ** 2 >> P) + 1 for low, high in shifted)]

def coefficients(degree, center):
    """The weights of the control points in the coefficients of s^k around the centre, as fractions."""
    rows = []
    for k in range(degree + 1):
        points = [[Fraction(int(i == j)) for j in range(degree + 1)] for i in range(degree + 1)]
        for level in range(degree):
            a, b = (1 - center, center) if level < degree - k else (Fraction(-1), Fraction(1))
            points = [[a * x + b * y for x, y in zip(p, q)] for p, q in zip(points, points[1:])]
        rows.append([math.comb(degree, k) * x for x in points[0]])
    return rows

def combined(weights, tensors):
    """Sum of weights times tensors, exactly: the weights are dyadic, and the tensors have bits to spare."""
    total = sum(w.numerator * (x * ONE // w.denominator) for w, x in zip(weights, tensors))
    rest = any(x * ONE % w.denominator for w, t in zip(weights, tensors) for x in t.ravel()) or any(x % ONE for x in total.ravel())
    return fail("a point of the path is finer than the numbers here") if rest else total >> P

class Risk:
    def __init__(self, header, x, y):
        self.header, self.x, self.y, self.kappa, self.activation = header, x, y, exact(header["kappa"]), header["network"].split(":")[0]

    def bounds(self, leg, start, stop):
        """Pairs of F at s = ±delta, whose upper ends bound F on the piece."""
        center, delta = (Fraction(start) + Fraction(stop)) / 2, (Fraction(stop) - Fraction(start)) / 2
        degree = len(leg[0][0]) - 1
        rows = coefficients(degree, center)[: 1 if delta == 0 else degree + 1]
        powers = [exact(delta**k) for k in range(degree + 2)]
        weights = [[combined(row, w) for row in rows] for w, _ in leg]
        biases = [[combined(row, b) for row in rows] if b is not None else [0] * len(rows) for _, b in leg]
        zero = np.zeros_like(self.x)
        model = (self.x, zero, zero)
        for k in range(len(leg) - 1):
            model = activated(self.activation, affine(model, weights[k], biases[k], powers), powers[1])
        sums = [[0, 0], [0, 0]]
        for rows_of, w, b, loss in self.heads(weights[-1], biases[-1]):
            out = affine(tuple(part[rows_of] for part in model), w, b, powers)
            for i, row in enumerate(zip(*out)):
                for end, s in enumerate((powers[1], -powers[1])):
                    line = [(c + ((l * s) >> P) - r - 1, c + ((l * s) >> P) + r + 1) for c, l, r in zip(*row)]
                    sums[end] = [a + b for a, b in zip(sums[end], loss(line, rows_of[i]))]
        penalty = self.penalty(weights, biases, powers)
        n = len(self.x)
        return [(low // n + p[0], -(-high // n) + p[1]) for (low, high), p in zip(sums, penalty)]

    def highest(self, leg, start, stop, claimed, times=6):
        """A bound of F on a piece; where that is above the claim the piece is halved, unless F itself is."""
        found, center = max(high for _, high in self.bounds(leg, start, stop)), (start + stop) / 2
        if found <= claimed or times == 0 or not start < center < stop or self.bounds(leg, center, center)[0][0] > claimed:
            return found
        left = self.highest(leg, start, center, claimed, times - 1)
        return left if left > claimed else max(left, self.highest(leg, center, stop, claimed, times - 1))

    def heads(self, w, b):
        """The last layer for groups of rows: margins of each class for the cross-entropy, else the outputs."""
        if self.header["loss"] == "squared":
            yield np.arange(len(self.x)), w, b, lambda line, i: squared(line, self.y[i])
            return
        for label in sorted(set(self.y)):
            others = [j for j in range(len(w[0])) if j != label]
            bias = [x if isinstance(x, int) else x[others] - x[label] for x in b]
            yield np.flatnonzero(self.y == label), [x[others] - x[label] for x in w], bias, lambda line, _: cross_entropy(line)

    def penalty(self, weights, biases, powers):
        if self.kappa == 0:
            return [(0, 0)] * 2
        tensors = weights[-1:] if self.header["regularizer"] == "l2-last" else weights + [b for b in biases if not isinstance(b[0], int)]
        terms = [np.concatenate([t[k].ravel() for t in tensors]) for k in range(len(weights[0]))]
        a = [0] * (2 * len(terms) - 1)
        for i, u in enumerate(terms):
            for j, v in enumerate(terms):
                a[i + j] += int(u @ v) >> P
        rest, power = 0, powers[1]
        for k in range(2, len(a)):
            power = ((power * powers[1]) >> P) + 1
            rest += ((power * (max(a[2], 0) if k == 2 else abs(a[k]))) >> P) + 4 * len(terms)
        slope, spare = (a[1] * powers[1]) >> P if len(a) > 1 else 0, 4 * (len(a) + 2)
        return [((self.kappa * (a[0] + s - spare)) >> P, (self.kappa * (a[0] + s + rest + spare) >> P) + 1) for s in (slope, -slope)]

def tensors(path):
    data = pathlib.Path(path).read_bytes()
    header = json.loads(data[8 : 8 + (size := int.from_bytes(data[:8], "little"))])
    about, types = header.pop("__metadata__", {}), {"F32": "<f4", "F64": "<f8"}
    read = lambda t: np.frombuffer(data[8 + size :][slice(*t["data_offsets"])], dtype=types[t["dtype"]]).reshape(t["shape"])
    return {name: read(t) for name, t in header.items()}, about, hashlib.sha256(data).hexdigest()

def legs(stacked, kind):
    """The layers of each leg: weights and biases, one array for each control point."""
    names = sorted({name.rsplit(".", 1)[0] for name in stacked}, key=lambda name: [int(p) if p.isdigit() else p for p in name.split(".")])
    count = len((layers := [[stacked.get(f"{name}.{part}") for part in ("weight", "bias")] for name in names])[0][0])
    groups = [range(count)] if kind["kind"] == "bezier" else [(i, i + 1) for i in range(count - 1)]
    return [[tuple(None if t is None else [integers(t[i]) for i in group] for t in layer) for layer in layers] for group in groups]

def content_hash(splits):
    state = hashlib.sha256(b"collado-data 1")
    numbers = lambda values: state.update(len(values).to_bytes(8, "little") + b"".join(int(v).to_bytes(8, "little") for v in values))
    def tensor(array):
        state.update(f"f{8 * array.dtype.itemsize}".encode())
        numbers(array.shape)
        state.update(array.tobytes())
    for tag, (x, y, classes) in splits:
        state.update(tag)
        tensor(x)
        if y.dtype.kind not in "iu":
            tensor(y.astype("<f8").reshape(len(y), -1))
            continue
        state.update(b"classes")
        numbers([classes, len(y)])
        state.update(y.astype("<u4").tobytes())
    return state.hexdigest()

def data(spec):
    if spec == "digits":
        table = np.loadtxt(gzip.open(pathlib.Path(__file__).parent.parent / "crates/data/assets/digits.csv.gz", "rt"), delimiter=",")
        x, y, test = (table[:, :64] / 16).astype("<f4"), table[:, 64].astype(int), np.arange(len(table)) % 5 == 0
        arrays = {"x": x[~test], "y": y[~test], "x_test": x[test], "y_test": y[test]}
    else:
        arrays = np.load(spec, allow_pickle=False)
    labels = [arrays[name] for name in ("y", "y_test") if name in arrays]
    classes = int(max(y.max() for y in labels)) + 1 if labels[0].dtype.kind in "iu" else 0
    parts = [(tag, (arrays[x], arrays[y], classes)) for tag, x, y in ((b"train", "x", "y"), (b"test ", "x_test", "y_test")) if x in arrays]
    return arrays["x"], arrays["y"], content_hash(parts)

def proof(path, counted="pieces"):
    lines = pathlib.Path(path).read_text().splitlines(keepends=True)
    header, *pieces, footer = map(json.loads, lines)
    right = {counted: len(pieces), "sha256": hashlib.sha256("".join(lines[:-1]).encode()).hexdigest()}
    return (header, pieces) if footer == right else fail(f"{path}: was changed or cut")

def covered(header, pieces, count):
    at = (0, 0.0)
    for i, piece in enumerate(pieces, 1):
        if (piece["leg"], piece["from"]) != at or not piece["from"] < piece["to"] <= 1 or not piece["hi"] <= header["claim"]["hi"]:
            fail(f"piece {i}: there is a gap before it, or its bound is above the claim")
        at = (piece["leg"] + 1, 0.0) if piece["to"] == 1 else (piece["leg"], piece["to"])
    return at == (count, 0.0) or fail("the pieces do not cover the path")

def main():
    _ = len(sys.argv) == 4 or sys.exit(__doc__)
    header, pieces = proof(sys.argv[1])
    kinds = (header["network"].split(":")[0], header["loss"], header["regularizer"] if header["kappa"] else "l2", header["collado.proof"])
    for kind, known in zip(kinds, (("linear", "relu", "tanh"), ("cross-entropy", "squared"), ("l2", "l2-last"), (1,))):
        if kind not in known:
            fail(f"no rule for {kind}")
    stacked, about, path_hash = tensors(sys.argv[2])
    x, y, data_hash = data(sys.argv[3])
    rows = [i * len(x) // header["rows"] for i in range(header["rows"])]
    subset = {"of": len(x), "rule": "evenly spaced", "hash": hashlib.sha256("".join(f"{row}\n" for row in rows).encode()).hexdigest()}
    about_rows = header["subset"] == subset if "subset" in header else header["rows"] == len(x)
    if (path_hash, data_hash, about_rows) != (header["path"], header["data"]["hash"], True):
        fail("the proof is about another path or other data")
    x, y = x[rows], y[rows]
    all_legs = legs(stacked, json.loads(about["collado.path"]))
    covered(header, pieces, len(all_legs))
    classes = y.dtype.kind in "iu"
    if header["loss"] == "squared":
        y = integers(np.eye(len(all_legs[0][-1][0][0]))[y] if classes else y.reshape(len(y), -1))
    risk = Risk(header, integers(x), y)
    for i, piece in enumerate(pieces, 1):
        if (found := risk.highest(all_legs[piece["leg"]], piece["from"], piece["to"], Fraction(piece["hi"]) * ONE)) > Fraction(piece["hi"]) * ONE:
            fail(f"piece {i} of {len(pieces)}: its bound {piece['hi']} could not be confirmed, the check finds {found / ONE}")
    claim = header["claim"]
    low = risk.bounds(all_legs[claim["at"]["leg"]], claim["at"]["tau"], claim["at"]["tau"])[0][0]
    if low < Fraction(claim["lo"]) * ONE:
        fail(f"the lower bound {claim['lo']} could not be confirmed, the check finds {low / ONE}")
    print(f"all {len(pieces)} pieces hold: the highest risk ({header['loss']}, kappa = {header['kappa']}) is in [{claim['lo']}, {claim['hi']}]")

if __name__ == "__main__":
    main()
