"""Writes linear.json: what scikit-learn's linear models are on small tables that shared/model/fit fits too, with standard errors.

    /usr/bin/python3 testdata/oracle/linear.py > testdata/oracle/linear.json

scikit-learn 1.2.1 and NumPy 1.24.2 (Debian 12's python3-sklearn) made the committed file. The tables are made here, by a seed. A number is
standardised, missing values being at the mean and having an indicator; a category has an indicator a level, missing being one. All by
saga (lbfgs ends 2e-4 from the minimum), Ridge or ElasticNet, run until nothing moves. Coefficients are given as shared/model has them: per unit of a
number, and of levels relative to the mean over the rows. Standard errors are from the inverse of the penalised matrix of second derivatives,
built here densely; those of several classes of the difference to the mean over the classes.
"""
import json
import math
import warnings

import numpy as np
from sklearn.linear_model import ElasticNet, LogisticRegression, Ridge

warnings.filterwarnings("error")
FREE = 1e-6  # penalty on intercepts


def table(seed, n, task):
    r = np.random.default_rng(seed)
    age, dose = r.normal(50, 10, n).round(1), r.lognormal(0, 1, n).round(3)
    city, kind = r.integers(0, 3, n), (r.random(n) ** 2 * 5).astype(int)
    s = 0.08 * (age - 50) - 0.7 * np.log(dose) + np.array([0, 0.8, -0.5])[city] + 0.3 * kind + r.normal(0, 1, n)
    y = {"binary": (s > 0.5).astype(int), "multiclass": np.digitize(s, [0, 1.2]), "regression": (100 + 7 * s).round(3)}[task]
    dose[r.random(n) < 0.15] = math.nan
    columns = {"age": age.tolist(), "dose": [None if math.isnan(v) else v for v in dose],
               "city": [None if r.random() < 0.1 else "abc"[k] for k in city], "kind": ["k%d" % k for k in kind]}
    return columns, y.tolist()


def design(columns, weight):
    """The matrix, and for each column of it (feature, level or None, missing, scale)."""
    x, names = [], []
    for f, v in columns.items():
        if isinstance(next(t for t in v if t is not None), str):
            for level in sorted(set(v) - {None}):
                x.append([float(t == level) for t in v])
                names.append((f, level, False, 1.0))
        else:
            a = np.array([math.nan if t is None else t for t in v])
            here = ~np.isnan(a)
            mean = np.average(a[here], weights=weight[here])
            sd = math.sqrt(np.average((a[here] - mean) ** 2, weights=weight[here]))
            x.append(np.where(here, (a - mean) / sd, 0))
            names.append((f, None, False, sd))
        if None in v:
            x.append([float(t is None) for t in v])
            names.append((f, None, True, 1.0))
    return np.array(x, dtype=float).T, names


def effects(names, x, weight):
    """The matrix that turns weights and intercept into effects: levels and missing values relative to the mean, the intercept the mean score."""
    m = len(names) + 1
    t = np.eye(m)
    share = np.average(x, axis=0, weights=weight)
    for i, (f, level, missing, _) in enumerate(names):
        numeric = level is None and not missing
        group = [j for j, (g, l, mi, _) in enumerate(names) if g == f and (l is not None or mi)]
        if numeric:
            continue
        for j in group:
            t[i, j] -= share[j]
        t[m - 1, i] += share[i]
    return t


def fit(task, x, y, weight, c, l1):
    """Weights of each score, the intercept last."""
    n = weight.sum()
    if task == "regression":
        m = Ridge(1 / c, solver="cholesky") if l1 == 0 else ElasticNet(alpha=1 / (c * n), l1_ratio=l1, tol=1e-14, max_iter=1000000)
        m.fit(x, y, sample_weight=weight)
        return np.append(m.coef_, m.intercept_)[None, :]
    m = LogisticRegression(C=c, penalty="elasticnet", l1_ratio=l1, solver="saga", tol=1e-11, max_iter=100000, random_state=0,
                           multi_class="multinomial" if task == "multiclass" else "ovr")
    rows = np.repeat(np.arange(len(x)), weight.astype(int))  # saga does not converge with weights
    m.fit(x[rows], y[rows])
    shift = m.intercept_.mean() if task == "multiclass" else 0  # which no loss and no penalty settles
    return np.hstack([m.coef_, m.intercept_[:, None] - shift])


def errors(task, x, y, weight, c, l1, w, t):
    k, m = w.shape
    one = np.hstack([x, np.ones((len(x), 1))])
    z = one @ w.T
    pull = np.append(np.full(m - 1, (1 - l1) / c), FREE)
    if task == "binary":
        p = 1 / (1 + np.exp(-z))
        bend = [[(p * (1 - p))[:, 0]]]
    elif task == "multiclass":
        p = np.exp(z - z.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        bend = [[p[:, a] * ((a == b) - p[:, b]) for b in range(k)] for a in range(k)]
    else:
        bend = [[np.ones(len(x))]]
    h = np.block([[one.T @ (one * (weight * bend[a][b])[:, None]) for b in range(k)] for a in range(k)]) + np.diag(np.tile(pull, k))
    used = np.array([v != 0 or l1 == 0 or i == m - 1 for row in w for i, v in enumerate(row)])
    cov = np.zeros_like(h)
    cov[np.ix_(used, used)] = np.linalg.inv(h[np.ix_(used, used)])
    if task == "regression":
        free = weight.sum() - (used.sum() - np.sum(np.diag(cov) * pull))
        cov *= np.sum(weight * (y - z[:, 0]) ** 2) / free
    full = np.kron(np.eye(k) - (np.full((k, k), 1 / k) if k > 1 else 0), t)
    return np.sqrt(np.clip(np.diag(full @ cov @ full.T), 0, None)).reshape(k, m)


def case(task, columns, y, weight, c, l1):
    w8 = np.array(weight if weight else np.ones(len(y)), dtype=float)
    x, names = design(columns, w8)
    y = np.array(y, dtype=float)
    mean, sd = 0.0, 1.0
    if task == "regression":
        mean = np.average(y, weights=w8)
        sd = math.sqrt(np.average((y - mean) ** 2, weights=w8))
    target = (y - mean) / sd
    w = fit(task, x, target, w8, c, l1)
    t = effects(names, x, w8)
    se = errors(task, x, target, w8, c, l1, w, t)
    effect = w @ t.T
    scale = np.array([sd / s for _, _, _, s in names] + [sd])
    out = [{"feature": "", "level": "", "missing": False, "estimate": (effect[:, -1] * sd + mean).tolist(), "se": (se[:, -1] * sd).tolist()}]
    for i, (f, level, missing, _) in enumerate(names):
        out.append({"feature": f, "level": level or "", "missing": missing, "estimate": (effect[:, i] * scale[i]).tolist(), "se": (se[:, i] * scale[i]).tolist()})
    return {"C": c, "l1_ratio": l1, "weighted": bool(weight), "coefficients": out}


tables = []
for task in ["binary", "multiclass", "regression"]:
    for seed, n in [(1, 150), (2, 400)]:
        columns, y = table(seed, n, task)
        weight = np.random.default_rng(9).integers(1, 4, n).tolist()
        cases = [case(task, columns, y, None, c, l1) for c, l1 in [(1, 0), (0.05, 0), (50, 0), (1, 0.5), (0.2, 0.3), (0.1, 1)]]
        cases += [case(task, columns, y, weight, c, l1) for c, l1 in [(1, 0), (0.1, 0.5)]]
        tables.append({"task": task, "columns": columns, "y": y, "weight": weight, "cases": cases})
print(json.dumps({"tables": tables}))
