#!/bin/bash
# Quality on public data sets by a fixed protocol, beside scikit-learn's and XGBoost's estimators on the same rows where PYTHON has them.
#   FOLDER=data bench/quality.sh [SET ..]     FOLDER holds encoded/ and splits/ (see bench/sets); default ../shared/data
# ALGORITHMS: ours; default "auto boosting". PEERS: theirs; default all.
set -euo pipefail
cd "$(dirname "$0")/.."
export CGO_ENABLED=0
FOLDER=${FOLDER:-../shared/data} PYTHON=${PYTHON:-python3}
[ -d "$FOLDER/splits" ] || { echo "$FOLDER holds no splits/: set FOLDER to a folder with encoded/ and splits/" >&2; exit 0; }
sets=("$@")
[ $# -gt 0 ] || sets=(heart heart4 wdbc pima german adult bank california wine)
mkdir -p dist/bench
go build -o dist/bench/quality ./bench/quality
lines=dist/bench/quality.jsonl
: >"$lines"
for algorithm in ${ALGORITHMS:-auto boosting}; do dist/bench/quality "$FOLDER" "$algorithm" "${sets[@]}" >>"$lines"; done
peers=${PEERS-lr rf100 rf100_leaf5 hgb hgb_cat xgb xgb_leaf31 xgb_small}
for peer in $peers; do
  module=sklearn; [[ $peer != xgb* ]] || module=xgboost
  if $PYTHON -c "import $module, pandas" 2>/dev/null; then $PYTHON bench/quality.py fit "$FOLDER" "$peer" "${sets[@]}" >>"$lines"; else echo "$PYTHON has no $module: $peer is not measured" >&2; fi
done
python3 bench/quality.py table <"$lines"
