#!/bin/bash
# Speed and memory of reading and of drift, beside pandas and scipy in the same run where python3 has them.
#   bench/drift.sh            1,000,000 rows x 30 columns, and 100,000 x 1,000
#   SCALE=1 bench/drift.sh    also 10^4 to 10^7 rows (needs 4 GB in DIR for a while)
# DIR: where the data lie, and stay for the next run; default dist/bench.
set -euo pipefail
cd "$(dirname "$0")/.."
export CGO_ENABLED=0
DIR=${DIR:-dist/bench}
mkdir -p "$DIR"
for tool in makedata measure readcsv; do go build -o "$DIR/$tool" ./bench/$tool; done
[ -n "${MLOPS:-}" ] || { MLOPS=dist/mlops; go build -trimpath -o $MLOPS ./functions/mlops; }
PYTHON=${PYTHON:-python3}

data() { # file, arguments of makedata
  [ -f "$DIR/$1" ] || { "$DIR/makedata" "${@:2}" >"$DIR/$1.part"; mv "$DIR/$1.part" "$DIR/$1"; }
}
run() { "$DIR/measure" "$@"; }

data ref.csv -rows 1000000 -seed 11
data cur.csv -rows 1000000 -seed 12 -shift 0.2
echo "| whole process, $(nproc) cores                                    |      wall | processor |   memory |"
echo "|------------------------------------------------------------|----------:|----------:|---------:|"
if $PYTHON -c 'import pandas, scipy' 2>/dev/null; then
  run "pandas: read_csv of one file" $PYTHON bench/peer.py read "$DIR/ref.csv"
  run "pandas + scipy: KS, Wasserstein, chi-square of both" $PYTHON bench/peer.py drift "$DIR/ref.csv" "$DIR/cur.csv"
else
  echo "$PYTHON has no pandas and scipy: the peer is not measured" >&2
fi
run "CSV to typed table, one file" "$DIR/readcsv" "$DIR/ref.csv"
GOMAXPROCS=1 run "the same on one core" "$DIR/readcsv" "$DIR/ref.csv"
run "mlops drift, two files" $MLOPS drift --reference "$DIR/ref.csv" --current "$DIR/cur.csv"
run "mlops drift --save-profile, one file" $MLOPS drift --reference "$DIR/ref.csv" --save-profile "$DIR/profile.json"
run "mlops drift against the stored profile, one file" $MLOPS drift --reference "$DIR/profile.json" --current "$DIR/cur.csv"
run "mlops drift --method evidently, two files" $MLOPS drift --method evidently --reference "$DIR/ref.csv" --current "$DIR/cur.csv"
data wide_ref.csv -rows 100000 -columns 1000 -seed 13
data wide_cur.csv -rows 100000 -columns 1000 -seed 14 -shift 0.2
run "mlops drift, 100,000 rows x 1,000 columns, two files" $MLOPS drift --reference "$DIR/wide_ref.csv" --current "$DIR/wide_cur.csv"
rm -f "$DIR"/wide_*.csv
[ -n "${SCALE:-}" ] || exit 0
for rows in 10000 100000 1000000 10000000; do
  data scale.csv -rows $rows -seed 15
  run "mlops drift, $rows rows, the file against itself" $MLOPS drift --reference "$DIR/scale.csv" --current "$DIR/scale.csv"
  run "mlops drift against a profile, $rows rows" $MLOPS drift --reference "$DIR/profile.json" --current "$DIR/scale.csv"
  rm -f "$DIR/scale.csv"
done
