"""Writes stattest.json: what SciPy and NumPy say of samples that shared/drift/stattest makes again from their description.

    python3 testdata/oracle/stattest.py > testdata/oracle/stattest.json

SciPy 1.10.1 and NumPy 1.24.2 (Debian 12's python3-scipy) made the committed file. Samples come from splitmix64 by exact
arithmetic only (no logarithm, no sine), so that both languages have the same bits.
"""
import json
import warnings

import numpy as np
import scipy
from scipy import special, stats
from scipy.spatial.distance import jensenshannon
from scipy.stats._hypotests import _cdf_cvm_inf

warnings.simplefilter("ignore")


def uniform(seed, n):
    with np.errstate(over="ignore"):
        z = np.uint64(seed) * np.uint64(1_000_003) + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)).astype(float) * 2.0**-53


def sample(kind, n, seed, scale, shift):
    u = [uniform(4 * seed + k, n) for k in range(4)]
    if kind == "bell":
        x = u[0] + u[1] + u[2] + u[3] - 2
    elif kind == "heavy":
        x = (u[0] - 0.5) / (u[1] + 0.001)
    elif kind == "step":
        x = np.floor(u[0] * 7)
    else:
        x = np.zeros(n)
    return x * scale + shift


def number(x):
    x = float(x)
    return float(f"{x:.13g}") if np.isfinite(x) else str(x)


def tried(f):
    try:
        return [number(v) for v in f()]
    except Exception as e:
        return type(e).__name__ + ": " + str(e)


def numeric(a, b):
    edges = np.histogram_bin_edges(np.concatenate([a, b]), bins="sturges")
    ks = lambda **k: lambda: stats.ks_2samp(a, b, **k)
    mw = lambda alternative: lambda: stats.mannwhitneyu(a, b, alternative=alternative)
    return {
        "ks": tried(ks()), "ks_asymp": tried(ks(method="asymp")),
        "ks_less": tried(ks(method="asymp", alternative="less")), "ks_greater": tried(ks(method="asymp", alternative="greater")),
        "mw": tried(mw("two-sided")), "mw_less": tried(mw("less")), "mw_greater": tried(mw("greater")),
        "t": tried(lambda: stats.ttest_ind(a, b)), "welch": tried(lambda: stats.ttest_ind(a, b, equal_var=False)),
        "anderson": tried(lambda: [(r := stats.anderson_ksamp([a, b])).statistic, r.pvalue]),
        "cvm": tried(lambda: [(r := stats.cramervonmises_2samp(a, b)).statistic, r.pvalue]),
        "es": tried(lambda: stats.epps_singleton_2samp(a, b)),
        "w": tried(lambda: [stats.wasserstein_distance(a, b)]), "energy": tried(lambda: [stats.energy_distance(a, b)]),
        "sd": number(np.std(a)), "edges": [*map(float, edges[[0, 1, len(edges) // 2, -1]]), len(edges)],
        "bins": [int(c) for c in np.histogram(b, edges)[0]] if len(edges) < 12 else int(np.histogram(b, edges)[0] @ np.arange(1, len(edges))),
    }


def pairs():
    """Descriptions of two samples: sizes around every turn of a method, ties, constants, tails from certain to 1e-300."""
    sizes = [(1, 1), (1, 2), (2, 1), (2, 2), (1, 5), (3, 2), (4, 4), (5, 5), (5, 8), (8, 8), (8, 30), (9, 9), (7, 400), (12, 15), (20, 20), (20, 19), (21, 20),
             (24, 24), (25, 24), (60, 60), (60, 59), (100, 300), (280, 280), (281, 283), (500, 500), (1000, 1001), (1000, 600), (2000, 2000)]
    for i, (n, m) in enumerate(sizes):
        for kind in ("bell", "heavy", "step"):
            for shift in (0.0, 0.25, 1.0, 5.0):
                if (i + ["bell", "heavy", "step"].index(kind)) % 2 == 0 and shift in (0.0, 5.0) and i > 4:
                    continue
                yield [kind, n, 2 * i, 1.0, 0.0], [kind, m, 2 * i + 1, 1.0, shift]
    for shift in (0.0, 5.0, 1e-9):
        yield ["constant", 30, 1, 1.0, 1.0], ["constant", 40, 2, 1.0, 1.0 + shift]
    yield ["constant", 30, 1, 1.0, 1.0], ["bell", 40, 2, 1.0, 0.0]
    yield ["bell", 300, 1, 1e150, 0.0], ["bell", 400, 2, 1e150, 1e149]
    yield ["bell", 300, 1, 1e-150, 0.0], ["bell", 400, 2, 1e-150, 1e-151]
    yield ["bell", 300, 1, 1.0, 1e4], ["bell", 400, 2, 1.2, 1e4]
    for n, m, shift in ((10000, 10000, 0.01), (10000, 10000, 0.5), (10000, 9999, 0.01), (10000, 9999, 0.03), (10000, 7500, 0.1), (10000, 6789, 0.25), (10000, 10, 0.3),
                        (10001, 10000, 0.01), (10001, 10001, 0.2), (10001, 300, 0.0), (40000, 40000, 0.0), (40000, 40000, 0.04), (200000, 300000, 0.002), (300000, 300000, 0.1)):
        yield ["bell", n, n, 1.0, 0.0], ["bell", m, m + 1, 1.0, shift]
    yield ["step", 10000, 1, 1.0, 0.0], ["step", 9998, 2, 1.0, 0.0]


def tails():
    kstwo = [[n, x, number(stats.kstwo.sf(x, n))]
             for n in (1, 2, 3, 5, 10, 40, 139, 140, 141, 200, 1000, 10_000, 99_999, 100_001, 1_000_000, 5_000_000)
             for z in (0.2, 0.35, 0.45, 0.5, 0.6, 0.8, 0.87, 1.0, 1.2, 1.4, 1.48, 1.49, 1.6, 2.0, 2.01, 3, 5, 9, 14, 18)
             if (x := z / np.sqrt(n)) <= 1]
    kstwo += [[n, x, number(stats.kstwo.sf(x, n))] for n in (1, 2, 5, 30, 150, 700) for x in (0.4, 0.5, 0.6, 0.75, 0.9, 1 - 0.5 / n, 1.0)]
    return {
        "kolmogorov": kstwo,
        "cramer": [[z, float(_cdf_cvm_inf(z))] for z in (0.003, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.25, 3.5, 3.75, 4.0, 4.25, 4.5, 5.0, 7.0, 20.0, 75.0, 300.0, 5000.0)],
        "chi2": [[x, df, number(stats.chi2.sf(x, df))] for df in (1, 2, 3, 4, 9, 19, 99, 499, 5000)
                 for x in (1e-6, 0.01, 0.5, 1, 3, 10, 40, 100, 300, 600, 1300, 5000, 6000)],
        "student": [[t, df, number(2 * stats.t.sf(t, df))] for df in (1, 1.5, 2, 3, 7, 10.25, 30, 98, 1000, 19998, 1999998) for t in (0, 1e-8, 0.01, 0.3, 1, 2, 5, 12, 30, 37)],
    }


def tables():
    rng = np.random.default_rng(1)
    counts = [([1], [1]), ([5], [9]), ([3, 0], [0, 3]), ([3, 4], [7, 0]), ([0, 7], [7, 0]), ([10, 20, 30], [30, 20, 10]), ([100, 200, 0], [120, 170, 10]), ([50, 50], [500, 400])]
    for k, n, m in ((2, 30, 30), (3, 100, 100), (5, 1000, 1000), (20, 5000, 5000), (20, 700, 900), (100, 20000, 20000), (4, 1000000, 1000000), (2, 300000, 400000)):
        p = rng.dirichlet(np.ones(k) * 3)
        for q in (p, 0.9 * p + 0.1 / k):
            counts.append((rng.multinomial(n, p), rng.multinomial(m, q)))
    out = []
    for ref, cur in counts:
        ref, cur = np.array(ref, float), np.array(cur, float)
        expected = ref * (cur.sum() / ref.sum())
        out.append({"ref": [int(c) for c in ref], "cur": [int(c) for c in cur],
                    "chisquare": tried(lambda: stats.chisquare(cur, expected)), "g": tried(lambda: stats.power_divergence(cur, ref, lambda_="log-likelihood")),
                    "kl": number(stats.entropy(ref, cur)), "js": number(jensenshannon(ref, cur))})
    return out


def fishers():
    rng = np.random.default_rng(2)
    cells = [[0, 0, 3, 4], [0, 5, 5, 0], [8, 2, 1, 5], [5, 5, 5, 5], [1, 9, 9, 1], [3, 0, 0, 3], [1, 0, 0, 1], [0, 10, 0, 12], [500, 500, 400, 600], [100000, 300, 99000, 450], [2, 100000, 17, 90000],
             [0, 300, 300, 0], [700, 10, 20, 650]]
    for n in (10, 40, 40, 700, 700, 5000, 100000):
        for m in (n, 2 * n - 3):
            p = rng.uniform(0.05, 0.95)
            a, c = rng.binomial(n, p), rng.binomial(m, p * 0.97)
            cells.append([int(a), int(n - a), int(c), int(m - c)])
    return [[*t, number(stats.fisher_exact([t[:2], t[2:]])[1])] for t in cells]


def pairs_out():
    for a, b in pairs():
        yield {"a": a, "b": b, **numeric(sample(*a), sample(*b))}


def main():
    out = {"scipy": scipy.__version__, "numpy": np.__version__, **tails(), "tables": tables(), "fisher": fishers(), "samples": list(pairs_out())}
    print("{")
    for i, (key, value) in enumerate(out.items()):
        comma = "," if i < len(out) - 1 else ""
        if isinstance(value, list):
            print(f' "{key}": [\n  ' + ",\n  ".join(json.dumps(v, separators=(",", ":")) for v in value) + f"\n ]{comma}")
        else:
            print(f' "{key}": {json.dumps(value)}{comma}')
    print("}")


main()
