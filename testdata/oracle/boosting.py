"""Writes boosting.json beside it: what scikit-learn's and XGBoost's boosting reach on held-out rows, by loss and by constraint.

Run with Debian 12's python3-sklearn 1.2.1 and python3-xgboost 1.7.4: /usr/bin/python3 boosting.py [folder with encoded/ and splits/]
The table is made by a linear congruential generator, so that whoever reads the numbers can make the same rows. With a folder, public sets
are measured too (adult, bank, california: the split files say which rows are held out); without one, their numbers stay as they are.
Each number is the mean over three numbers of bins: between them alone losses differ by 1 %, so a single fit is no measure.
Set OMP_NUM_THREADS=1 where the processors are busy: its threads spin.
"""
import json
import os
import sys
import warnings

import numpy as np
from sklearn.ensemble import (GradientBoostingRegressor, HistGradientBoostingClassifier,
                              HistGradientBoostingRegressor)
from sklearn.metrics import log_loss, mean_absolute_error, mean_pinball_loss, mean_poisson_deviance, roc_auc_score
from xgboost import XGBClassifier, XGBRegressor

warnings.filterwarnings("ignore")
HERE = os.path.dirname(os.path.abspath(__file__))
TRAIN, ROWS = 4000, 8000


def table():
    """Eight uniform draws a row: four columns, three of noise, one for missing values; see madeUp in boosting_oracle_test.go."""
    state, rows = 12345, []
    for _ in range(ROWS):
        u = []
        for _ in range(8):
            state = (1103515245 * state + 12345) % 2**31
            u.append(state / 2**31)
        a, b, c, d = u[:4]
        y = 3 * a + 8 * (b - 0.5) ** 2 - 2 * c * d + (0.5 + a) * (u[4] + u[5] + u[6] - 1.5)
        count = float(int(max(0, y) ** 2 * u[6]))
        rows.append([a, b, np.nan if u[7] < 0.1 else c, d, y, count])
    rows = np.array(rows)
    return rows[:, :4], rows[:, 4], rows[:, 5]


BINS = (255, 240, 200)
COMMON = dict(max_iter=100, learning_rate=0.1, max_leaf_nodes=31, min_samples_leaf=20, early_stopping=False)
XGB = dict(n_estimators=100, learning_rate=0.1, max_leaves=31, max_depth=0, grow_policy="lossguide", tree_method="hist", max_bin=255, n_jobs=1, min_child_weight=20, reg_lambda=0.0)


def regression(train, test, y, common):
    """Losses on a table of numbers; train and test are masks of its rows."""
    def fit(x, loss, **more):
        return HistGradientBoostingRegressor(loss=loss, **common, **more).fit(x[0], y[train]).predict(x[1])
    return {
        "squared": lambda x: np.sqrt(np.mean((fit(x, "squared_error") - y[test]) ** 2)),
        "absolute": lambda x: mean_absolute_error(y[test], fit(x, "absolute_error")),
        "quantile 0.9": lambda x: mean_pinball_loss(y[test], fit(x, "quantile", quantile=0.9), alpha=0.9),
        "quantile 0.1": lambda x: mean_pinball_loss(y[test], fit(x, "quantile", quantile=0.1), alpha=0.1),
    }


def made(bins):
    common, xgb = {**COMMON, "max_bins": bins}, {**XGB, "max_bin": bins}
    x, y, count = table()
    train, test = slice(0, TRAIN), slice(TRAIN, ROWS)
    pair = (x[train], x[test])
    out = {name: f(pair) for name, f in regression(train, test, y, common).items()}
    full = np.where(np.isnan(x), 0.5, x)  # GradientBoosting knows no missing values: the test puts 0.5 there, too
    huber = GradientBoostingRegressor(loss="huber", alpha=0.9, n_estimators=100, learning_rate=0.1, max_leaf_nodes=31, max_depth=None, min_samples_leaf=20, random_state=0)
    out["huber"] = mean_absolute_error(y[test], huber.fit(full[train], y[train]).predict(full[test]))
    poisson = HistGradientBoostingRegressor(loss="poisson", **common).fit(x[train], count[train])
    out["poisson"] = mean_poisson_deviance(count[test], poisson.predict(x[test]))
    binary, three = (y > 1.5).astype(int), np.digitize(y, [1, 2])
    h = HistGradientBoostingClassifier(**common).fit(x[train], binary[train])
    out["logistic"], out["logistic auc"] = log_loss(binary[test], h.predict_proba(x[test])), roc_auc_score(binary[test], h.predict_proba(x[test])[:, 1])
    h = HistGradientBoostingClassifier(**common).fit(x[train], three[train])
    out["softmax"] = log_loss(three[test], h.predict_proba(x[test]))
    rare = (y > 3).astype(int)
    h = HistGradientBoostingClassifier(class_weight="balanced", **common).fit(x[train], rare[train])
    out["balanced"] = log_loss(rare[test], h.predict_proba(x[test]))
    h = HistGradientBoostingRegressor(monotonic_cst=[1, 0, -1, -1], **common).fit(x[train], y[train])
    out["monotone"] = np.sqrt(np.mean((h.predict(x[test]) - y[test]) ** 2))
    h = HistGradientBoostingRegressor(interaction_cst=[{0, 1}, {1, 2}], **common).fit(x[train], y[train])
    out["interactions"] = np.sqrt(np.mean((h.predict(x[test]) - y[test]) ** 2))
    weight = 1 + 9 * (x[:, 0] > 0.5)
    h = HistGradientBoostingRegressor(**common).fit(x[train], y[train], sample_weight=weight[train])
    out["weights"] = np.sqrt(np.average((h.predict(x[test]) - y[test]) ** 2, weights=weight[test]))
    h = HistGradientBoostingRegressor(**{**common, "max_depth": 3, "l2_regularization": 10.0}).fit(x[train], y[train])
    out["depth 3, l2 10"] = np.sqrt(np.mean((h.predict(x[test]) - y[test]) ** 2))
    m = XGBRegressor(reg_alpha=20 * y[train].std(), base_score=y[train].mean(), **xgb).fit(x[train], y[train])
    out["l1 20"] = np.sqrt(np.mean((m.predict(x[test]) - y[test]) ** 2))
    m = XGBClassifier(reg_alpha=5.0, **{**xgb, "min_child_weight": 1}).fit(x[train], binary[train])
    out["logistic, l1 5, hessian 1"] = log_loss(binary[test], m.predict_proba(x[test]))
    return out


def public(folder, bins):
    common = {**COMMON, "max_bins": bins}
    out = {}
    for name in ("adult", "bank", "california"):
        t = np.genfromtxt(f"{folder}/encoded/{name}.csv", delimiter=",", skip_header=1)
        held = np.genfromtxt(f"{folder}/splits/{name}.csv", delimiter=",", skip_header=1).astype(bool)
        x, y = t[:, :-1], t[:, -1]
        if name == "california":
            for loss, f in regression(~held, held, y, common).items():
                out[f"{name} {loss}"] = f((x[~held], x[held]))
            h = HistGradientBoostingRegressor(loss="poisson", **common).fit(x[~held], y[~held])
            out[f"{name} poisson"] = mean_poisson_deviance(y[held], h.predict(x[held]))
            continue
        h = HistGradientBoostingClassifier(**common).fit(x[~held], y[~held])
        out[f"{name} logistic"], out[f"{name} auc"] = log_loss(y[held], h.predict_proba(x[held])), roc_auc_score(y[held], h.predict_proba(x[held])[:, 1])
    return out


def mean(of):
    """The mean of each number over the numbers of bins."""
    all_ = [of(bins) for bins in BINS]
    return {k: sum(d[k] for d in all_) / len(all_) for k in all_[0]}


path = os.path.join(HERE, "boosting.json")
old = json.load(open(path)) if os.path.exists(path) else {}
result = {"made": mean(made), "public": mean(lambda bins: public(sys.argv[1], bins)) if len(sys.argv) > 1 else old.get("public", {})}
with open(path, "w") as f:
    json.dump({part: {k: round(float(v), 6) for k, v in d.items()} for part, d in result.items()}, f, indent=1)
    f.write("\n")
