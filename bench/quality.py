"""The peers of bench/quality.sh: scikit-learn's and XGBoost's estimators on the same rows, and the table of all.

quality.py fit FOLDER MODEL SET ..   prints a line of JSON a set
quality.py table                     reads all lines and prints the tables

Settings are those a careful person starts with: numbers standardised and categories one-hot for the linear model (L2, C = 1, or ridge 1), category
codes as numbers for trees, missing values as they are where the estimator takes them, else the training median; 100 trees.
"""
import json
import sys
import time
import warnings

warnings.filterwarnings("ignore")
MODELS = ["lr", "rf100", "rf100_leaf5", "hgb", "hgb_cat", "xgb", "xgb_leaf31", "xgb_small"]


def make(model, binary, seed, categories):
    if model == "lr":
        from sklearn.linear_model import LogisticRegression, Ridge
        return LogisticRegression(C=1.0, max_iter=1000) if binary else Ridge(1.0)
    if model.startswith("rf100"):
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
        return (RandomForestClassifier if binary else RandomForestRegressor)(100, random_state=seed, n_jobs=2, min_samples_leaf=5 if model.endswith("leaf5") else 1)
    if model.startswith("hgb"):
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
        return (HistGradientBoostingClassifier if binary else HistGradientBoostingRegressor)(
            max_iter=100, early_stopping=False, random_state=seed, categorical_features=categories if model == "hgb_cat" else None)
    import xgboost
    settings = {"n_estimators": 100, "tree_method": "hist", "n_jobs": 2, "random_state": seed}
    if model == "xgb_leaf31":
        settings.update(grow_policy="lossguide", max_leaves=31, max_depth=0, learning_rate=0.1)
    if model == "xgb_small":
        settings.update(grow_policy="lossguide", max_leaves=7, max_depth=0, learning_rate=0.05, reg_lambda=1)
    return (xgboost.XGBClassifier if binary else xgboost.XGBRegressor)(**settings)


def fit(folder, model, name):
    import numpy as np
    import pandas as pd
    from sklearn.metrics import log_loss, mean_squared_error, roc_auc_score
    about = json.load(open(f"{folder}/encoded/{name}.json"))
    table, splits = pd.read_csv(f"{folder}/encoded/{name}.csv"), pd.read_csv(f"{folder}/splits/{name}.csv")
    binary = about["task"] == "bin"
    columns = [c for c in table.columns if c != "target"]
    categories = [i for i, c in enumerate(columns) if about["kinds"][c] != "num"]
    if model == "hgb_cat" and not categories:
        return
    x, y = table[columns].to_numpy(np.float64), table["target"].to_numpy()
    total, n, took = {}, 0, 0.0
    for seed, column in enumerate(splits.columns):
        held = splits[column].to_numpy()
        for k in [1] if column == "test" else range(5):
            a, b, ya, yb = x[held != k], x[held == k], y[held != k], y[held == k]
            start = time.perf_counter()
            if model == "lr" or model.startswith("rf"):
                median = np.nanmedian(a, axis=0)
                a, b = np.where(np.isnan(a), median, a), np.where(np.isnan(b), median, b)
            if model == "lr":
                from sklearn.preprocessing import OneHotEncoder, StandardScaler
                numbers = [i for i in range(a.shape[1]) if i not in categories]
                scale = StandardScaler().fit(a[:, numbers])
                pa, pb = scale.transform(a[:, numbers]), scale.transform(b[:, numbers])
                if categories:
                    one = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(a[:, categories])
                    pa, pb = np.hstack([pa, one.transform(a[:, categories])]), np.hstack([pb, one.transform(b[:, categories])])
                a, b = pa, pb
            m = make(model, binary, seed, categories).fit(a, ya)
            took += time.perf_counter() - start
            if binary:
                p = m.predict_proba(b)[:, 1].astype(np.float64)
                score = {"auc": roc_auc_score(yb, p), "log_loss": log_loss(yb, np.clip(p, 2**-52, 1 - 2**-52))}
            else:
                score = {"rmse": float(np.sqrt(mean_squared_error(yb, m.predict(b))))}
            for key, v in score.items():
                total[key] = total.get(key, 0) + v
            n += 1
    print(json.dumps({"set": name, "model": model, "metrics": {k: v / n for k, v in total.items()}, "fits": n, "seconds": took / n}), flush=True)


def table():
    rows = {}
    for line in sys.stdin:
        r = json.loads(line)
        rows.setdefault(r["set"], {})[r["model"]] = r
    for metrics, title, better in ((("auc", "log_loss"), "AUC / log loss", max), (("rmse",), "RMSE", min)):
        sets = [s for s in rows if metrics[0] in next(iter(rows[s].values()))["metrics"]]
        models = sorted({m for s in sets for m in rows[s]}, key=lambda m: (not m.startswith("mlops"), (MODELS + [m]).index(m), m))
        if not sets:
            continue
        width = max(len(m) for m in models)
        print(f"| {title:<{width}} | " + " | ".join(f"{s:^13}" for s in sets) + " |")
        print(f"|{'-' * (width + 2)}|" + "|".join("-" * 15 for _ in sets) + "|")
        for m in models:
            cells = []
            for s in sets:
                v = rows[s].get(m)
                cells.append(" / ".join(f"{v['metrics'][k]:.4f}" for k in metrics) if v else "-")
            print(f"| {m:<{width}} | " + " | ".join(f"{c:^13}" for c in cells) + " |")
        for s in sets:
            peers = {m: r["metrics"] for m, r in rows[s].items() if not m.startswith("mlops")}
            for ours in [m for m in models if m.startswith("mlops") and m in rows[s]]:
                if not peers:
                    continue
                got, best = rows[s][ours]["metrics"], better(peers, key=lambda m: peers[m][metrics[0]])
                note = f"{s}: {ours} {got[metrics[0]] - peers[best][metrics[0]]:+.4f} {title.split(' ')[0]} against the best peer ({best})"
                if len(metrics) > 1:
                    least = min(peers, key=lambda m: peers[m]["log_loss"])
                    note += f", log loss {got['log_loss'] - peers[least]['log_loss']:+.4f} against the best ({least})"
                chosen = rows[s][ours].get("chosen")
                print(note + (f"; {rows[s][ours]['seconds']:.2f} s a training; chose {', '.join(f'{a} {n}' for a, n in sorted(chosen.items()))}" if chosen else ""))
        print()


if sys.argv[1] == "table":
    table()
else:
    for each in sys.argv[4:]:
        fit(sys.argv[2], sys.argv[3], each)
