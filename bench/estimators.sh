#!/bin/bash
# Time and score of one fit of forests and linear models on public data sets, beside scikit-learn's (PYTHON) and R's ranger where they are.
#   FOLDER=data THREADS=2 ROUNDS=3 bench/estimators.sh [SET ..]     FOLDER holds encoded/ and splits/ (see bench/sets); default ../shared/data
# All take turns within a round; of several rounds the least time counts.
set -euo pipefail
cd "$(dirname "$0")/.."
export CGO_ENABLED=0
FOLDER=${FOLDER:-../shared/data} PYTHON=${PYTHON:-python3} THREADS=${THREADS:-2}
[ -d "$FOLDER/splits" ] || { echo "$FOLDER holds no splits/: set FOLDER to a folder with encoded/ and splits/" >&2; exit 0; }
sets=("$@")
[ $# -gt 0 ] || sets=(adult bank california)
mkdir -p dist/bench
go build -o dist/bench/estimators ./bench/estimators
lines=dist/bench/estimators.jsonl
: >"$lines"
peers=(lr rf rf_leaf5 et)
$PYTHON -c 'import sklearn, pandas' 2>/dev/null || { echo "$PYTHON has no sklearn: it is not measured" >&2; peers=(); }
for _ in $(seq "${ROUNDS:-3}"); do
  dist/bench/estimators "$FOLDER" linear '{}' "$THREADS" "${sets[@]}" >>"$lines"
  for algorithm in forest extra_trees; do dist/bench/estimators "$FOLDER" "$algorithm" '{"trees": 100}' "$THREADS" "${sets[@]}" >>"$lines"; done
  for peer in "${peers[@]}"; do OMP_NUM_THREADS=$THREADS OPENBLAS_NUM_THREADS=$THREADS $PYTHON bench/estimators.py fit "$FOLDER" "$peer" "$THREADS" "${sets[@]}" >>"$lines"; done
  if Rscript -e 'library(ranger)' 2>/dev/null; then Rscript bench/estimators.R "$FOLDER" "$THREADS" "${sets[@]}" >>"$lines"; else echo "R has no ranger: it is not measured" >&2; fi
done
python3 bench/estimators.py table <"$lines"
