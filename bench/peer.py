"""What one would write with pandas and scipy. usage: peer.py read FILE | peer.py drift REFERENCE CURRENT | peer.py checks FILE"""
import sys

import pandas as pd


def drift(reference, current):
    from scipy import stats
    ref, cur = pd.read_csv(reference), pd.read_csv(current)
    for name in ref.columns:
        a, b = ref[name].dropna(), cur[name].dropna()
        if pd.api.types.is_numeric_dtype(a):
            print(name, stats.ks_2samp(a, b).pvalue, stats.wasserstein_distance(a, b))
        else:
            counts = pd.concat([a.value_counts(), b.value_counts()], axis=1).fillna(0)
            print(name, stats.chi2_contingency(counts).pvalue)


def checks(file):
    table = pd.read_csv(file)
    words = {f"v{i:02}" for i in range(50)}
    for name in table.columns:
        c = table[name]
        present = c.dropna()
        print(name, c.notna().mean())
        if pd.api.types.is_numeric_dtype(c):
            print(present.between(-1000, 1000).all(), present.mean(), present.quantile([0.05, 0.5, 0.95], interpolation="nearest").tolist())
        else:
            print(present.isin(words).all(), present.str.contains(r"^v\d\d$").all(), (present.str.len() == 3).all())


if sys.argv[1] == "checks":
    checks(sys.argv[2])
elif sys.argv[1] == "read":
    print(pd.read_csv(sys.argv[2]).shape)
else:
    drift(sys.argv[2], sys.argv[3])
