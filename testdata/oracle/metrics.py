"""Writes metrics.json beside it: labels, predictions, and what scikit-learn and scipy say of them.

Run with Debian 12's python3-sklearn 1.2.1 (numpy 1.24.2, scipy 1.10.1): /usr/bin/python3 metrics.py
DeLong's variance is in neither, so it is written out here pair by pair from the paper (Biometrics 44, 1988).
"""
import json
import os
import warnings

import numpy as np
from scipy.stats import binomtest
from sklearn.calibration import calibration_curve
from sklearn.metrics import (accuracy_score, brier_score_loss, f1_score, log_loss, mean_absolute_error,
                             mean_pinball_loss, mean_poisson_deviance, mean_squared_error, r2_score, roc_auc_score)

warnings.filterwarnings("error")
rng = np.random.default_rng(20)


def delong(y, s):
    """Variance of the AUC from all pairs: psi = 1, 1/2 or 0."""
    pos, neg = s[y == 1], s[y == 0]
    psi = (pos[:, None] > neg[None, :]) + 0.5 * (pos[:, None] == neg[None, :])
    return psi.mean(axis=1).var(ddof=1) / len(pos) + psi.mean(axis=0).var(ddof=1) / len(neg)


def delong_difference(y, a, b):
    """Variance of AUC(b) - AUC(a) on the same rows: the paper's contrast of the covariance matrix."""
    var = 0
    for axis, size in ((1, (y == 1).sum()), (0, (y == 0).sum())):
        v = []
        for s in (a, b):
            pos, neg = s[y == 1], s[y == 0]
            psi = (pos[:, None] > neg[None, :]) + 0.5 * (pos[:, None] == neg[None, :])
            v.append(psi.mean(axis=axis))
        c = np.cov(np.array(v), ddof=1) / size
        var += c[0, 0] + c[1, 1] - 2 * c[0, 1]
    return var


def ece(y, p):
    true, pred = calibration_curve(y, p, n_bins=10)
    n = np.bincount(np.searchsorted(np.linspace(0, 1, 11)[1:-1], p), minlength=10)
    return float((n[n > 0] * np.abs(true - pred)).sum() / len(y))


def binary(name, y, p):
    y, p = np.asarray(y), np.asarray(p, dtype=float)
    called = (p >= 0.5).astype(int)
    k = int((called == y).sum())
    wilson = binomtest(k, len(y)).proportion_ci(method="wilson")
    auc = roc_auc_score(y, p)
    return {"name": name, "task": "binary", "y": y.tolist(), "p": p.tolist(),
            "want": {"auc": auc, "log_loss": log_loss(y, p), "brier": brier_score_loss(y, p), "ece": ece(y, p),
                     "accuracy": accuracy_score(y, called), "f1": f1_score(y, called, zero_division=0)},
            "delong": delong(y, p), "wilson": [wilson.low, wilson.high]}


def multiclass(name, y, p, classes):
    y, p = np.asarray(y), np.asarray(p, dtype=float)
    called = p.argmax(axis=1)
    onehot = np.eye(classes)[y]
    want = {"log_loss": log_loss(y, p, labels=list(range(classes))), "accuracy": accuracy_score(y, called),
            "brier": float(((p - onehot) ** 2).sum(axis=1).mean()),
            "f1": f1_score(y, called, average="macro", zero_division=0),
            "ece": ece((called == y).astype(int), p.max(axis=1))}
    if len(set(y.tolist())) == classes:
        want["auc"] = roc_auc_score(y, p, multi_class="ovr", average="macro")
    return {"name": name, "task": "multiclass", "y": y.tolist(), "p": p.ravel().tolist(), "classes": classes, "want": want}


def regression(name, y, p):
    return {"name": name, "task": "regression", "y": list(y), "p": list(p),
            "want": {"rmse": mean_squared_error(y, p, squared=False), "mae": mean_absolute_error(y, p), "r2": r2_score(y, p)}}


def murphy(y, p):
    """The three parts of Murphy (1973) and the two within bins of Stephenson et al. (2008), straight from the papers."""
    bins = np.searchsorted(np.linspace(0, 1, 11)[1:-1], p)
    rel = res = wbv = wbc = 0.0
    for k in set(bins.tolist()):
        o, f = y[bins == k], p[bins == k]
        rel += len(o) * (f.mean() - o.mean()) ** 2 / len(y)
        res += len(o) * (o.mean() - y.mean()) ** 2 / len(y)
        wbv += ((f - f.mean()) ** 2).sum() / len(y)
        wbc += 2 * ((f - f.mean()) * (o - o.mean())).sum() / len(y)
    unc = y.mean() * (1 - y.mean())
    assert abs(rel - res + unc + wbv - wbc - brier_score_loss(y, p)) < 1e-12
    return {"y": y.tolist(), "p": p.tolist(), "reliability": rel, "resolution": res, "uncertainty": unc, "within": wbv - wbc}


def simplex(rows, classes):
    """Rows that sum to exactly one in sixteenths, with ties and with zeros."""
    cuts = np.sort(rng.integers(0, 17, size=(rows, classes - 1)), axis=1)
    return np.diff(np.concatenate([np.zeros((rows, 1)), cuts, np.full((rows, 1), 16)], axis=1), axis=1) / 16


n = 60
y = (rng.random(n) < 0.4).astype(int)
score = np.round(1 / (1 + np.exp(-(1.5 * y - 0.6 + rng.normal(size=n)))), 3)
rounded = np.round(score, 1)  # many ties, and scores on the bins' edges
extreme = np.where(rng.random(n) < 0.3, rng.integers(0, 2, n), rounded)  # zeros and ones, some of them wrong
y3 = rng.integers(0, 3, n)
p3 = 0.5 * simplex(n, 3) + 0.5 * np.eye(3)[np.where(rng.random(n) < 0.6, y3, rng.integers(0, 3, n))]
yr = np.round(rng.normal(50, 12, n), 2)
pr = np.round(yr + rng.normal(1, 5, n), 2)

cases = [
    binary("distinct scores", y, score),
    binary("ties and bin edges", y, rounded),
    binary("certain and wrong", y, extreme),
    binary("constant score", y, np.full(n, 0.25)),
    binary("nothing called positive", y, score / 3),
    binary("worse than chance", y, 1 - score),
    binary("four rows", [0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]),
    multiclass("three classes", y3, p3, 3),
    multiclass("ties among classes", y3, simplex(n, 3), 3),
    multiclass("a class that does not occur", np.minimum(y3, 1), p3, 3),
    multiclass("a class neither occurring nor predicted", np.minimum(y3, 1), np.hstack([p3[:, :1], 1 - p3[:, :1], 0 * p3[:, :1]]), 3),
    regression("ordinary", yr, pr),
    regression("exact", yr, yr),
    regression("worse than the mean", yr, yr[::-1]),
    regression("constant target", [3.0] * 5, [3.0, 3.0, 3.5, 3.0, 2.0]),
    regression("constant target, exact", [3.0] * 5, [3.0] * 5),
]
counts = rng.poisson(3, 50)
means = np.round(counts * 0.5 + rng.gamma(2, 1, 50), 2)
out = {
    "cases": cases,
    "murphy": [murphy(y, score), murphy(y, rounded), murphy(y, extreme), murphy(y, np.full(n, 0.25))],
    "quantile": [{"y": yr.tolist(), "p": pr.tolist(), "alpha": a, "loss": mean_pinball_loss(yr, pr, alpha=a)} for a in (0.1, 0.5, 0.95)],
    "poisson": {"y": counts.tolist(), "p": means.tolist(), "deviance": mean_poisson_deviance(counts, means)},
    "delong_difference": {"y": y.tolist(), "a": rounded.tolist(), "b": score[::-1].tolist(), "diff": roc_auc_score(y, score[::-1]) - roc_auc_score(y, rounded),
                          "variance": delong_difference(y, rounded, score[::-1])},
    "sign_test": [{"a": a, "b": b, "p": binomtest(a, a + b, 0.5).pvalue} for a, b in ((0, 1), (3, 3), (1, 9), (12, 25), (40, 61), (700, 800))],
    "wilson": [{"k": k, "n": m, "low": c.low, "high": c.high} for k, m in ((0, 7), (7, 7), (1, 20), (150, 303))
               for c in [binomtest(k, m).proportion_ci(method="wilson")]],
}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "metrics.json"), "w") as f:
    json.dump(out, f, separators=(",", ":"))
    f.write("\n")
