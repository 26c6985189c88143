"""Writes notation.json: what pandas reads in files whose numbers have decimal commas, or digits in groups, when it is told so.

    /usr/bin/python3 testdata/oracle/notation.py > testdata/oracle/notation.json

pandas 1.5.3 (Debian 12's python3-pandas) made the committed file. A missing value is null.
"""
import io
import json
import math
import random

import pandas as pd

random.seed(20260101)


def group(digits, by):
    first = len(digits) % 3 or 3
    return by.join([digits[:first]] + [digits[i:i + 3] for i in range(first, len(digits), 3)])


def write(v, places, decimal, thousands):
    whole, _, fraction = f"{abs(v):.{places}f}".partition(".")
    text = group(whole, thousands) if thousands else whole
    return ("-" if v < 0 else "") + text + (decimal + fraction if fraction else "")


def case(name, separator, decimal, thousands):
    rows = ["amount;share;count;site".replace(";", separator)]
    for i in range(60):
        cells = [write(random.uniform(-3e6, 3e6) / 10 ** random.randrange(6), 2, decimal, thousands), write(random.random(), 4, decimal, None),
                 write(random.randrange(10 ** random.randrange(1, 8)), 0, decimal, thousands), random.choice(["north", "south"])]
        if i % 13 == 5:
            cells[i % 3] = ""
        rows.append(separator.join('"' + c + '"' if separator in c else c for c in cells))
    text = "\n".join(rows) + "\n"
    table = pd.read_csv(io.StringIO(text), sep=separator, decimal=decimal, thousands=thousands)
    columns = {n: [None if isinstance(v, float) and math.isnan(v) else v for v in table[n].tolist()] for n in table.columns}
    return {"name": name, "text": text, "columns": columns}


print(json.dumps([
    case("German: 1.234,50 between semicolons", ";", ",", "."),
    case("decimal commas without groups", ";", ",", None),
    case("Swedish: 1 234,50 between tabs", "\t", ",", " "),
    case("American: 1,234.50 in quotes", ",", ".", ","),
    case("Swiss: 1'234.50 between semicolons", ";", ".", "'"),
    case("British, between tabs", "\t", ".", ","),
], indent=1))
