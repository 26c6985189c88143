"""Writes features.json: what scikit-learn makes of small columns that shared/model/fit engineers too.

    python3 testdata/oracle/features.py > testdata/oracle/features.json

scikit-learn 1.2.1 and NumPy 1.24.2 (Debian 12's python3-sklearn) made the committed file. That version has no TargetEncoder; its
documented formula, (sum of y + smooth * mean) / (count + smooth), is worked out here in plain Python.
"""
import json
import math

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import KBinsDiscretizer, MinMaxScaler, OneHotEncoder, OrdinalEncoder, PowerTransformer, RobustScaler, StandardScaler

number = [3.5, -1.25, 0.0, None, 12.0, 7.75, 3.5, None, 100.0, -8.5, 2.25, 5.0]
city = ["rome", "oslo", "rome", "bern", "oslo", "rome", "bern", "lima", "rome", "oslo", "bern", "rome"]
y = [1, 0, 1, 0, 1, 1, 0, 1, 0, 0, 1, 1]

x = np.array([[math.nan if v is None else v] for v in number])
full = x[~np.isnan(x[:, 0])]
c = np.array(city, dtype=object).reshape(-1, 1)


def plain(a):
    return [None if math.isnan(v) else float(v) for v in np.asarray(a, dtype=float).ravel()]


power = PowerTransformer(method="yeo-johnson", standardize=False).fit(full)
mean = sum(y) / len(y)
smooth = 3.0
target = {l: (sum(t for k, t in zip(city, y) if k == l) + smooth * mean) / (city.count(l) + smooth) for l in sorted(set(city))}
one_hot = OneHotEncoder(sparse_output=False).fit(c)
print(json.dumps({
    "number": number, "city": city, "y": y, "smoothing": smooth,
    "impute": {how: plain(SimpleImputer(strategy=how).fit_transform(x)) for how in ["mean", "median", "most_frequent"]},
    "scale": {"standard": plain(StandardScaler().fit_transform(x)), "min_max": plain(MinMaxScaler().fit_transform(x)), "robust": plain(RobustScaler().fit_transform(x))},
    "clip": plain(np.clip(x, np.nanpercentile(x, 10), np.nanpercentile(x, 80))),
    "yeo_johnson": {"lambda": float(power.lambdas_[0]), "values": plain(power.transform(x))},
    "log1p": plain([math.log1p(v) if v is not None and v > -1 else math.nan for v in number]),
    "bin": {"quantile": plain(KBinsDiscretizer(4, encode="ordinal", strategy="quantile").fit_transform(full)),
            "uniform": plain(KBinsDiscretizer(4, encode="ordinal", strategy="uniform").fit_transform(full))},
    "ordinal": plain(OrdinalEncoder().fit_transform(c)),
    "one_hot": {str(l): plain(one_hot.transform(c)[:, k]) for k, l in enumerate(one_hot.categories_[0])},
    "target": [target[k] for k in city],
}, indent=1))
