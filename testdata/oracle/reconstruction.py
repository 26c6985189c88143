"""Writes reconstruction.json beside it: two tables, and scikit-learn's PCA reconstruction error of the second by the first.

Run with Debian 12's python3-sklearn 1.2.1 (numpy 1.24.2, pandas 1.5.3): /usr/bin/python3 reconstruction.py
The steps are those of NannyML's data reconstruction: impute, encode levels by frequency, standardise, PCA that keeps 65 % of the variance.
"""
import json
import os

import numpy as np
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import StandardScaler

rng = np.random.default_rng(7)


def table(n, twist):
    a = rng.normal(size=n)
    b = (1 - 2 * twist) * 0.8 * a + 0.6 * rng.normal(size=n)
    c = rng.gamma(4, size=n) * 10
    c[rng.random(n) < 0.1] = np.nan
    d = rng.integers(0, 6, size=n).astype(float)
    e = 3 * b + rng.normal(size=n)
    level = np.array(["red", "green", "blue"], dtype=object)[np.minimum(rng.geometric(0.5, size=n) - 1, 2)]
    level[rng.random(n) < 0.05] = None
    return np.column_stack([np.round(v, 6) for v in (a, b, c, d, e)]), level


reference, reference_level = table(300, 0)
window, window_level = table(120, 1)
fill = {v: (reference_level == v).sum() for v in ("red", "green", "blue")}
total, common = sum(fill.values()), max(fill, key=fill.get)


def encode(levels):
    return np.array([fill[v if v is not None else common] / total for v in levels])


numbers = SimpleImputer().fit(reference)
x = np.column_stack([numbers.transform(reference), encode(reference_level)])
y = np.column_stack([numbers.transform(window), encode(window_level)])
scale = StandardScaler().fit(x)
pca = PCA(n_components=0.65).fit(scale.transform(x))


def errors(rows):
    z = scale.transform(rows)
    return np.linalg.norm(z - pca.inverse_transform(pca.transform(z)), axis=1)


out = {
    "columns": ["a", "b", "c", "d", "e"],
    "reference": [[None if np.isnan(v) else v for v in r] for r in reference], "reference_level": list(reference_level),
    "window": [[None if np.isnan(v) else v for v in r] for r in window], "window_level": list(window_level),
    "components": int(pca.n_components_), "explained": float(pca.explained_variance_ratio_.sum()),
    "reference_score": float(errors(x).mean()), "window_score": float(errors(y).mean()), "window_errors": errors(y).tolist(),
}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "reconstruction.json"), "w") as f:
    json.dump(out, f, separators=(",", ":"))
    f.write("\n")
