"""Writes shapley.json beside it: small boosted trees of XGBoost with the cover of their nodes, rows, and the exact Shapley values of their scores.

Run with Debian 12's python3-xgboost 1.7.4 (numpy 1.24.2): /usr/bin/python3 shapley.py
"""
import json
import os

import numpy as np
import xgboost as xgb

rng = np.random.default_rng(11)


def flat(node, out):
    """Nodes in breadth-first order, the two children of a node side by side."""
    queue = [node]
    while queue:
        n = queue.pop(0)
        if "leaf" in n:
            out.append({"feature": -1, "value": n["leaf"], "cover": n["cover"]})
            continue
        kids = {k["nodeid"]: k for k in n["children"]}
        out.append({"feature": int(n["split"][1:]), "threshold": float(np.nextafter(np.float32(n["split_condition"]), np.float32(-np.inf))),
                    "missing_right": n["missing"] == n["no"], "cover": n["cover"]})
        queue += [kids[n["yes"]], kids[n["no"]]]
    return out


def case(name, objective, y, x, **params):
    d = xgb.DMatrix(x, y)
    b = xgb.train({"objective": objective, "seed": 1, "nthread": 1, "base_score": 0.5, "eta": 0.5, **params}, d, num_boost_round=6)
    rows = x[:25]
    parts = b.predict(xgb.DMatrix(rows), pred_contribs=True)
    trees = [flat(json.loads(t), []) for t in b.get_dump(dump_format="json", with_stats=True)]
    return {"name": name, "outputs": params.get("num_class", 1), "base": float(json.loads(b.save_config())["learner"]["learner_model_param"]["base_score"]),
            "trees": trees, "rows": [[None if np.isnan(v) else float(v) for v in r] for r in rows],
            "parts": parts.reshape(len(rows), -1, x.shape[1] + 1).astype(float).tolist()}


n = 400
x = np.round(rng.normal(size=(n, 5)), 2).astype(np.float32)
x[rng.random((n, 5)) < 0.15] = np.nan
z = np.nan_to_num(x)
score = z[:, 0] * z[:, 1] + z[:, 2] - (z[:, 3] > 0.5)
cases = [
    case("value", "reg:squarederror", score, x, max_depth=5, min_child_weight=1),
    case("one feature asked again and again", "reg:squarederror", np.sin(3 * z[:, 0]), x[:, :2], max_depth=6),
    case("three classes", "multi:softprob", np.digitize(score, [-0.7, 0.7]), x, max_depth=3, num_class=3),
]
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "shapley.json"), "w") as f:
    json.dump({"cases": cases}, f, separators=(",", ":"))
    f.write("\n")
