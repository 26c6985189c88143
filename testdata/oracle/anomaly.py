"""Where Deequ's strategies expect the last value of a series: prints testdata/oracle/anomaly.json.

Written from the definitions in https://github.com/awslabs/deequ (anomalydetection/*.scala), value by value, with numpy: no code is shared with
what is tested. OnlineNormal's limits are found by bisection on its own yes or no. Run: python3 testdata/oracle/anomaly.py > testdata/oracle/anomaly.json
"""
import json
import math

import numpy as np


def online(series, below, above, skip):
    """Deequ's loop: True where a value is an anomaly; an anomaly does not enter the mean and the deviation."""
    mean = s = 0.0
    out = []
    for i, v in enumerate(series):
        last, last_s = mean, s
        mean = v if i == 0 else last + (v - last) / (i + 1)
        s += (v - last) * (v - mean)
        sd = math.sqrt(s / (i + 1))
        odd = i >= skip and not mean - below * sd <= v <= mean + above * sd
        if odd:
            mean, s = last, last_s
        out.append(odd)
    return out


def edge(series, below, above, skip, side):
    """The outermost last value that is none, by bisection from the median of the series."""
    inside, outside = float(np.median(series)), side * 1e9
    if not online(series + [outside], below, above, skip)[-1]:
        return None
    for _ in range(200):
        middle = (inside + outside) / 2
        if online(series + [middle], below, above, skip)[-1]:
            outside = middle
        else:
            inside = middle
    return inside


cases = []
rng = np.random.default_rng(20260401)
for n in (4, 12, 15, 30, 60):
    for spike in (False, True):
        x = [float(v) for v in rng.normal(100, 7, n)]
        if spike:
            x[n // 2] = 400.0
        last = float(rng.normal(100, 7))
        diff1, diff2 = [a + x[-1] for a in (-5.0, 9.0)], [a + 2 * x[-1] - x[-2] for a in (-5.0, 9.0)]
        cases.append({
            "series": x + [last],
            "absolute_1": diff1, "absolute_2": diff2,
            "relative_1": [0.8 * x[-1], 1.3 * x[-1]], "relative_2": [0.8 * x[-2], 1.3 * x[-2]],
            "batch": [float(np.mean(x) - 3 * np.std(x, ddof=1)), float(np.mean(x) + 2 * np.std(x, ddof=1))],
            "online": [edge(x, 3, 2.5, int(0.1 * (n + 1)), -1), edge(x, 3, 2.5, int(0.1 * (n + 1)), 1)],
        })
print(json.dumps(cases, indent=1))
