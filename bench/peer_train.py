"""A peer's boosted trees on a table that collisions wrote: trees of 31 leaves, rate 0.1, no early stopping. It prints what trainspeed prints.
usage: peer_train.py hgb|xgb COLUMNS THREADS TREES TRAIN [TEST]"""
import os
import resource
import sys
import time

name, columns, threads, trees = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
os.environ["OMP_NUM_THREADS"] = str(threads)
import numpy as np


def read(file):
    table = np.fromfile(file, np.float32).reshape(columns + 1, -1)
    return np.ascontiguousarray(table[:-1].T), table[-1].astype(np.int32)


def usage():
    u = resource.getrusage(resource.RUSAGE_SELF)
    return u.ru_utime + u.ru_stime, u.ru_maxrss // 1000


if name == "hgb":
    from sklearn.ensemble import HistGradientBoostingClassifier
    model = HistGradientBoostingClassifier(max_iter=trees, max_leaf_nodes=31, learning_rate=0.1, max_bins=255, early_stopping=False)
else:
    from xgboost import XGBClassifier
    model = XGBClassifier(n_estimators=trees, tree_method="hist", grow_policy="lossguide", max_leaves=31, max_depth=0, learning_rate=0.1, n_jobs=threads)
x, y = read(sys.argv[5])
start, before = time.perf_counter(), usage()
model.fit(x, y)
took, after = time.perf_counter() - start, usage()
area = float("nan")
if len(sys.argv) > 6:
    from sklearn.metrics import roc_auc_score
    x, y = read(sys.argv[6])
    area = roc_auc_score(y, model.predict_proba(x)[:, 1])
print("%.2f %.2f %d %.5f" % (took, after[0] - before[0], after[1], area))
