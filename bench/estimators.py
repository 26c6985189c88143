"""The peers of bench/estimators.sh from scikit-learn, and the table of all.

estimators.py fit FOLDER MODEL THREADS SET ..   prints a line of JSON a set
estimators.py table                             reads all lines and prints the least of each peer's times

Category codes are numbers to trees; the linear model has numbers standardised and a column a level, made before the clock starts.
"""
import json
import resource
import sys
import time
import warnings

warnings.filterwarnings("ignore")


def make(model, binary, threads):
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor, RandomForestClassifier, RandomForestRegressor
    from sklearn.linear_model import LogisticRegression, Ridge
    if model == "lr":
        return LogisticRegression(C=1.0, max_iter=1000) if binary else Ridge(1.0)
    kinds = {"rf": (RandomForestClassifier, RandomForestRegressor), "et": (ExtraTreesClassifier, ExtraTreesRegressor)}[model[:2]]
    return kinds[0 if binary else 1](100, min_samples_leaf=5 if model.endswith("leaf5") else 1, n_jobs=threads, random_state=0)


def processor():
    u = resource.getrusage(resource.RUSAGE_SELF)
    return u.ru_utime + u.ru_stime


def fit(folder, model, threads, name):
    import numpy as np
    import pandas as pd
    from sklearn.metrics import mean_squared_error, roc_auc_score
    from sklearn.preprocessing import OneHotEncoder, StandardScaler
    about = json.load(open(f"{folder}/encoded/{name}.json"))
    table = pd.read_csv(f"{folder}/encoded/{name}.csv")
    split = pd.read_csv(f"{folder}/splits/{name}.csv").iloc[:, 0]
    held = split.to_numpy() == (1 if split.name == "test" else 0)
    y = table.pop("target").to_numpy()
    categories = [c for c in table.columns if about["kinds"][c] != "num"]
    table = table.fillna(table[~held].median())
    x = table.to_numpy(float)
    if model == "lr":
        numbers = [c for c in table.columns if c not in categories]
        x = StandardScaler().fit(table[numbers][~held]).transform(table[numbers])
        if categories:
            x = np.hstack([x, OneHotEncoder(sparse_output=False, handle_unknown="ignore").fit(table[categories][~held]).transform(table[categories])])
    m = make(model, about["task"] == "bin", threads)
    start, before = time.perf_counter(), processor()
    m.fit(x[~held], y[~held])
    wall, work = time.perf_counter() - start, processor() - before
    if about["task"] == "bin":
        score = roc_auc_score(y[held], m.predict_proba(x[held])[:, 1])
    else:
        score = mean_squared_error(y[held], m.predict(x[held])) ** 0.5
    print(json.dumps({"set": name, "model": model, "wall": wall, "processor": work, "score": score}), flush=True)


def table():
    best, order = {}, []
    for line in map(json.loads, sys.stdin):
        key = line["set"], line["model"]
        if key not in best:
            order.append(key)
            best[key] = line
        for field in ("wall", "processor"):
            best[key][field] = min(best[key][field], line[field])
    print("| set | model | wall | processor | AUC or RMSE |\n|---|---|--:|--:|--:|")
    for key in sorted(order, key=lambda k: k[0]):
        b = best[key]
        print(f"| {b['set']} | {b['model']} | {b['wall']:.3f} s | {b['processor']:.3f} s | {b['score']:.4f} |")


if sys.argv[1] == "table":
    table()
else:
    for s in sys.argv[5:]:
        fit(sys.argv[2], sys.argv[3], int(sys.argv[4]), s)
