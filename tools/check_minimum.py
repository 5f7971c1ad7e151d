#!/usr/bin/env python3
"""Checks a proof of `collado certify-minimum --proof` in integers: nothing is rounded but outwards.

Usage: tools/check_minimum.py PROOF [CHECKPOINT.safetensors DATA]

Proofs about planted teachers, or all minima of one logistic neuron, need no file. CHECKPOINT and DATA (as for tools/check_proof.py)
are those of a small dense network: linear, tanh, logistic or softplus; squared loss, cross-entropy or logistic loss; l2 or l2-last.
Numbers are integers times 2^-512. It shares nothing with the program but the formats. Exit status 0 if the proof holds, 1 if not.
"""
import math, sys
from fractions import Fraction
from functools import reduce

import numpy as np

from check_proof import ONE, P, data, exact, exp, fail, integers, log, proof, tanh, tensors

class Box:
    """Arrays of intervals."""
    def __init__(self, lo, hi=None):
        self.lo, self.hi = np.asarray(lo, dtype=object), np.asarray(lo if hi is None else hi, dtype=object)
    def __getitem__(self, at):
        return Box(self.lo[at], self.hi[at])
    def __add__(self, other):
        return Box(self.lo + other.lo, self.hi + other.hi)
    def __neg__(self):
        return Box(-self.hi, -self.lo)
    def __sub__(self, other):
        return self + -other
    def __mul__(self, other):
        ends = [np.asarray(a * b, dtype=object) for a in (self.lo, self.hi) for b in (other.lo, other.hi)]
        return Box(reduce(np.minimum, ends) >> P, (reduce(np.maximum, ends) >> P) + 1)
    def times(self, number):  # A positive integer, and so below.
        return Box(self.lo * number, self.hi * number)
    def over(self, number):
        return Box(self.lo // number, -(-self.hi // number))
    def sum(self, axis=None):
        return Box(self.lo.sum(axis=axis), self.hi.sum(axis=axis))
    def each(self, f):
        """The values of a function of intervals (pairs of integers)."""
        pairs = [f(int(a), int(b)) for a, b in zip(self.lo.ravel(), self.hi.ravel())]
        return Box(*(np.array([pair[i] for pair in pairs], dtype=object).reshape(self.lo.shape) for i in range(2)))
    def grown(self, f):
        """The values of a function of numbers that grows, enclosed at each."""
        return self.each(lambda a, b: (f(a)[0], f(b)[1]))
    def square(self):
        return self.each(lambda a, b: ((0 if a <= 0 <= b else min(abs(a), abs(b)) ** 2 >> P), (max(abs(a), abs(b)) ** 2 >> P) + 1))
    def sqrt(self):
        return self.each(lambda a, b: (math.isqrt(max(a, 0) << P), math.isqrt(max(b, 0) << P) + 1))
    def inverse(self):
        return self.each(lambda a, b: ((ONE * ONE) // b, (ONE * ONE) // a + 1) if a > 0 else fail("an interval reaches 0"))
    def size(self):
        return np.maximum(*(np.asarray(abs(x), dtype=object) for x in (self.lo, self.hi)))

zeros = lambda *shape: Box(np.zeros(shape, dtype=object))

def exponential(x):
    """Encloses exp(x)."""
    low, high = exp(-abs(x))
    return (low, high) if x <= 0 else ((ONE * ONE) // high, (ONE * ONE) // max(low, 1) + 1)

def sigmoid(x):
    """Encloses 1 / (1 + exp(-x))."""
    low, high = exponential(-x)
    return (ONE * ONE) // (ONE + high), (ONE * ONE) // (ONE + low) + 1

def soft(x):
    """Encloses log(1 + exp(x))."""
    low, high = exp(-abs(x))
    return max(x, 0) + log(ONE + low)[0], max(x, 0) + log(ONE + high)[1]

# Functions of one number with two derivatives.
def of_tanh(z):
    a = z.grown(tanh)
    slope = Box(ONE) - a.square()
    return a, slope, -(a * slope).times(2)
def of_logistic(z):
    a = z.grown(sigmoid)
    slope = a * (Box(ONE) - a)
    return a, slope, slope * (Box(ONE) - a.times(2))
def of_softplus(z):
    p = z.grown(sigmoid)
    return z.grown(soft), p, p * (Box(ONE) - p)
def of_log(x):
    inverse = (x + Box(ONE)).inverse()
    return (x + Box(ONE)).grown(log), inverse, -inverse.square()
of_linear = lambda z: (z, Box(z.lo * 0 + ONE), Box(z.lo * 0))
of_square = lambda z: (z.square(), z.times(2), Box(z.lo * 0 + 2 * ONE))
of_exp = lambda z: (z.grown(exponential),) * 3
RULES = {"linear": of_linear, "tanh": of_tanh, "logistic": of_logistic, "softplus": of_softplus}

class Jet:
    """Functions of S parameters: values [m], slopes [m, S] and second derivatives [m, S, S]."""
    def __init__(self, value, slope, curve):
        self.parts = (value, slope, curve)
    def __add__(self, other):
        return Jet(*(a + b for a, b in zip(self.parts, other.parts)))
    def through(self, f):
        (value, first, second), slope, curve = f(self.parts[0]), *self.parts[1:]
        bent = (second[:, None] * slope)[:, :, None] * slope[:, None, :]
        return Jet(value, first[:, None] * slope, first[:, None, None] * curve + bent)
    def sum(self):
        return Jet(*(Box(x.lo.sum(axis=0, keepdims=True), x.hi.sum(axis=0, keepdims=True)) for x in self.parts))

def affine(jet, theta, weights, biases):
    """W a + b, where the parameters stand at the places `weights` [m, n] and `biases` [m]."""
    w = theta[weights]
    value, slope, curve = ((w[(...,) + (None,) * k] * part[None]).sum(axis=1) for k, part in enumerate(jet.parts))
    own, slopes, _ = jet.parts
    for i, row in enumerate(weights):
        for end in ("lo", "hi"):
            getattr(slope, end)[i, row] += getattr(own, end)
            bends, rows = getattr(curve, end)[i], getattr(slopes, end)
            bends[row] += rows
            bends[:, row] += rows.T
            if biases is not None:
                getattr(slope, end)[i, biases[i]] += ONE
    return Jet(value if biases is None else value + theta[biases], slope, curve)

def network(risk, shapes, x, y):
    """Encloses F, its gradient and its Hessian over a box of parameters."""
    rho, places, start = RULES[risk["network"].split(":")[0]], [], 0
    for shape, has_bias in shapes:
        end = start + shape[0] * shape[1]
        places.append((np.arange(start, end).reshape(shape), np.arange(end, end + shape[0]) if has_bias else None))
        start = end + shape[0] * has_bias
    kappa, penalised = exact(risk["kappa"]), np.arange(start) if risk["regularizer"] == "l2" else places[-1][0].ravel()
    def loss(out, target):
        if risk["loss"] == "cross-entropy":
            others = [j for j in range(len(out.parts[0].lo)) if j != target]
            margins = Jet(*(part[others] - part[[target] * len(others)] for part in out.parts))
            return margins.through(of_exp).sum().through(of_log)
        if risk["loss"] == "squared":
            return Jet(out.parts[0] - Box(target), *out.parts[1:]).through(of_square).sum()
        linear = Jet(*(-(part * Box(target)[(...,) + (None,) * k]) for k, part in enumerate(out.parts)))
        return (out.through(of_softplus) + linear).sum()
    def enclose(theta):
        total = Jet(zeros(1), zeros(1, start), zeros(1, start, start))
        for row, target in zip(x, y):
            jet = Jet(Box(row), zeros(len(row), start), zeros(len(row), start, start))
            for k, place in enumerate(places):
                jet = affine(jet, theta, *place)
                jet = jet.through(rho) if k + 1 < len(places) else jet
            total = total + loss(jet, target)
        value, slope, curve = (part[0].over(len(x)) for part in total.parts)
        if kappa:
            value = value + theta[penalised].square().sum() * Box(kappa)
            for end in ("lo", "hi"):
                getattr(slope, end)[penalised] += getattr(theta[penalised].times(2) * Box(kappa), end)
                getattr(curve, end)[penalised, penalised] += 2 * kappa
        return value, slope, curve
    return enclose, start, None

def arctan(numerator, denominator):
    """Encloses arctan of a fraction in [0, 1/5] by its series."""
    x = (numerator << P) // denominator
    total, power, n = 0, x, 1
    while power:
        total += (power // n) * (1 if n % 4 == 1 else -1)
        power, n = ((power * x >> P) * x) >> P, n + 2
    return total - 8 * n, total + 8 * n

def arctangent(x):
    """Encloses arctan x for x >= 0: arctan x = 2 arctan(x / (1 + sqrt(1 + x^2))), four times."""
    x = Box(x)
    for _ in range(4):
        x = x * (Box(ONE) + (Box(ONE) + x.square()).sqrt()).inverse()
    return 16 * arctan(x.lo.item(), ONE)[0], 16 * arctan(x.hi.item(), ONE)[1]

def planted(k, n):
    """Encloses the risk of k teachers and n neurons, its gradient, its Hessian, and the block for more inputs."""
    fifth, rest = arctan(1, 5), arctan(1, 239)
    pi = Box(16 * fifth[0] - 4 * rest[1], 16 * fifth[1] - 4 * rest[0])
    turn, eye = pi.times(2).inverse(), Box(np.eye(k, dtype=object) * ONE)
    length = lambda v: v.square().sum().sqrt()
    outer = lambda v: v[:, None] * v[None, :]
    def pair(w, v):
        sizes = [length(w), length(v)]
        w, v = w * sizes[0].inverse(), v * sizes[1].inverse()
        plus, minus = length(w + v), length(w - v)
        bend = outer((w + v) * plus.inverse()) - outer((w - v) * minus.inverse())
        rest, sine = pi - (minus * plus.inverse()).grown(arctangent).times(2), (plus * minus).over(2)
        cosine = (plus.square() - minus.square()).over(4)
        ratio = sine * sizes[1] * sizes[0].inverse()
        normal = (v - w * cosine) * sine.inverse()
        value, slope = sizes[0] * sizes[1] * (sine + rest * cosine), sizes[1] * (w * sine + v * rest)
        return [part * turn for part in (value, slope, (eye - outer(w) + outer(normal)) * ratio, eye * rest + bend * sine, ratio, rest)]
    def pairs(theta):
        w = [theta[i * k : (i + 1) * k] for i in range(n)]
        return w, [[pair(w[i], eye[j]) for j in range(k)] for i in range(n)], [[pair(w[i], w[j]) if j != i else None for j in range(n)] for i in range(n)]
    def enclose(theta):
        w, teachers, others = pairs(theta)
        value, slope, curve = Box(k * ONE // 4) + turn.times(k * (k - 1)).over(2), zeros(n * k), zeros(n * k, n * k)
        for i in range(n):
            at = slice(i * k, (i + 1) * k)
            value, gradient, bend = value + w[i].square().sum().over(4), w[i].over(2), eye.over(2)
            for part in teachers[i]:
                value, gradient, bend = value - part[0], gradient - part[1], bend - part[2]
            for j, part in enumerate(others[i]):
                if part:
                    value, gradient, bend = value + part[0].over(2), gradient + part[1], bend + part[2]
                    curve.lo[at, j * k : (j + 1) * k], curve.hi[at, j * k : (j + 1) * k] = part[3].lo, part[3].hi
            slope.lo[at], slope.hi[at], curve.lo[at, at], curve.hi[at, at] = gradient.lo, gradient.hi, bend.lo, bend.hi
        return value, slope, curve
    def outside(theta):
        _, teachers, others = pairs(theta)
        block = zeros(n, n)
        for i, row in enumerate(others):
            own = sum((part[4] for part in row if part), Box(ONE // 2)) - sum((part[4] for part in teachers[i]), Box(0))
            for j, entry in enumerate(part[5] if part else own for part in row):
                block.lo[i, j], block.hi[i, j] = entry.lo.item(), entry.hi.item()
        return block
    return enclose, n * k, outside

def eigenvalues(what, matrix, claim):
    """Confirms a lower bound of the eigenvalues: at least s - max row sum of |A - sI - LL'|, with any L."""
    middle, s = (matrix.lo + matrix.hi) >> 1, exact(claim["shift"])
    away = matrix - Box(np.eye(len(middle), dtype=object) * s)
    try:
        factor = np.linalg.cholesky(np.array([[float(x) for x in row] for row in middle / ONE]) - claim["shift"] * np.eye(len(middle)))
    except np.linalg.LinAlgError:
        fail(f"eigenvalues of {what}: not confirmed, the shifted matrix has no factor")
    product = (factor := integers(factor)) @ factor.T
    found = s - max((away - Box(product >> P, (product >> P) + 1)).size().sum(axis=1))
    _ = 0 < exact(claim["at_least"]) <= found or fail(f"eigenvalues of {what} of at least {claim['at_least']}: not confirmed, the check finds {found / ONE}")

def confirm(claim, x, inverse, enclose):
    """Krawczyk's test for the box of this radius around x, and F. Encloses the Hessian on it."""
    cube = Box(x - (radius := exact(claim["radius"])), x + radius)
    (value, slope, _), (_, slopes, curve) = enclose(Box(x)), enclose(cube)
    middle = (curve.lo + curve.hi) >> 1
    off = np.maximum(curve.hi - middle, middle - curve.lo)
    rest = abs(np.eye(len(x), dtype=object) * ONE - ((inverse @ middle) >> P)) + 1 + ((abs(inverse) @ off) >> P) + 1
    step = (Box(inverse) * slope[None, :]).sum(axis=1).size()
    reach = max(step + ((rest.sum(axis=1) * radius) >> P) + 1)
    _ = 0 < radius and reach < radius or fail(f"Krawczyk's operator reaches {reach / ONE}, the radius of the box is {claim['radius']}")
    value = value + (slopes * Box(-radius, radius)).sum()
    if value.lo < exact(claim["F"][0]) or value.hi > exact(claim["F"][1]):
        fail(f"F in {claim['F']} could not be confirmed, the check finds [{value.lo / ONE}, {value.hi / ONE}]")
    return cube, curve

def coordinate(at, count, ratio):
    """Encloses f(at u) = mean of (sigma(R^i at u) - 3/4)^2 and its derivatives in u. Beyond z = 1024 they are off 1/16 and 0 by less than a unit."""
    def enclose(u):
        outputs = [z for i in range(count) if (z := at * ratio**i) * u.lo[0] < 1024 * ONE]
        z, scale = (Box([math.floor(z * a) for z in outputs], [math.ceil(z * b) for z in outputs]) for a, b in ((u.lo[0], u.hi[0]), (ONE, ONE)))
        s, first, second = of_logistic(z)
        off, far = s - Box(3 * ONE // 4), count - len(outputs)
        sums = off.square(), (off * first * scale).times(2), ((first.square() + off * second) * scale.square()).times(2)
        value, slope, curve = ((part.sum() + Box(-far, far)).over(count) for part in sums)
        return value + Box(far * ONE // 16).over(count), slope[None], curve[None, None]
    return enclose

def neuron(risk, claim, boxes):
    """Confirms p boxes of a coordinate, each in its own scale: w = at u with |u - 1| <= radius. Their combinations are p^d minima."""
    end, ratio = 0, Fraction(risk["ratio"])
    counts = [claim["minima"], risk["per_dim"]] == [f"{len(boxes)}^{risk['dims']}", len(boxes)]
    _ = counts and type(risk["dims"]) is int and risk["dims"] > 0 and ratio > 1 or fail("the claim is about another number of minima")
    for i, box in enumerate(boxes, 1):
        at, radius = Fraction(box["at"]), Fraction(box["radius"])
        _ = radius < 1 and end < at * (1 - radius) or fail(f"minimum {i}: its box does not lie above the one before")
        _ = claim["F"][0] <= box["F"][0] and box["F"][1] <= claim["F"][1] or fail(f"minimum {i}: its F is not in that of the claim")
        _, curve = confirm(box, integers([1]), integers([[box["inverse"]]]), coordinate(at, len(boxes), ratio))
        least = curve.lo.item()
        _ = 0 < exact(box["curvature"]) <= least or fail(f"minimum {i}: curvature {box['curvature']}: not confirmed, the check finds {least / ONE}")
        end = at * (1 + radius)
    print(f"the proof holds: {claim['minima']} strict local minima with F in {claim['F']}")

def main():
    _ = len(sys.argv) in (2, 4) or sys.exit(__doc__)
    header, lines = proof(sys.argv[1], "lines")
    if header.get("collado.minima") == 1:
        return neuron(header["neuron"], header["claim"], lines)
    _ = header.get("collado.minimum") == 1 or fail("no rule for this version")
    risk, claim, x, rows = header["risk"], header["claim"], lines[0], lines[1:]
    if risk["kind"] == "planted":
        _ = claim["F"][0] > 0 or fail("F > 0 is not claimed")
        enclose, size, outside = planted(risk["k"], risk["n"])
    else:
        _ = len(sys.argv) == 4 or fail("expected the checkpoint and the data that the proof is about")
        kinds = (risk["network"].split(":")[0], risk["loss"], risk["regularizer"] if risk["kappa"] else "l2")
        for kind, known in zip(kinds, (RULES, ("cross-entropy", "squared", "logistic"), ("l2", "l2-last"))):
            _ = kind in known or fail(f"no rule for {kind}")
        (stacked, _, checkpoint_hash), (inputs, y, data_hash) = tensors(sys.argv[2]), data(sys.argv[3])
        found, stated = (checkpoint_hash, data_hash, len(inputs)), (risk["checkpoint"], risk["data"]["hash"], risk["rows"])
        _ = found == stated or fail("the proof is about another checkpoint or other data")
        names = sorted({name.rsplit(".", 1)[0] for name in stacked}, key=lambda name: [int(p) if p.isdigit() else p for p in name.split(".")])
        shapes = [(stacked[f"{name}.weight"].shape, f"{name}.bias" in stacked) for name in names]
        if risk["loss"] != "cross-entropy":
            y = integers(np.eye(shapes[-1][0][0])[y] if y.dtype.kind in "iu" else y.reshape(len(y), -1))
        enclose, size, outside = network(risk, shapes, integers(inputs), y)
    _ = [len(x), *map(len, rows)] == [size] * (size + 1) or fail(f"expected {size} parameters and a square matrix")
    cube, curve = confirm(claim, integers(x), integers(rows), enclose)
    eigenvalues("the Hessian", curve, claim["hessian"])
    if claim.get("outside"):
        eigenvalues("the block for more inputs", outside(cube), claim["outside"])
    print(f"the proof holds: one critical point within {claim['radius']}, a strict local minimum with F in {claim['F']}")

if __name__ == "__main__":
    main()
