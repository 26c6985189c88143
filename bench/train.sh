#!/bin/bash
# Speed and memory of boosted trees (100 trees of 31 leaves, 255 bins, the whole fit with binning) on 1,000,000 rows x 28 columns, beside
# scikit-learn's HistGradientBoosting and XGBoost's hist, early stopping off, in turn in the same run where PYTHON has them.
#   bench/train.sh            1 and 2 threads, the least of REPEATS (3) fits each; and mlops train from the CSV
#   SCALE=1 bench/train.sh    also 10^4 to 10^7 rows and 10 to 1,000 columns (needs 1.3 GB in DIR for a while, and 3 GB of memory); the peers
#                             at 1 thread and up to 10^6 rows: with other work on the machine their threads wait spinning, and say nothing of them
# DIR: where the data lie, and stay for the next run; default dist/bench.
set -euo pipefail
cd "$(dirname "$0")/.."
export CGO_ENABLED=0
DIR=${DIR:-dist/bench} PYTHON=${PYTHON:-python3} REPEATS=${REPEATS:-3} TREES=${TREES:-100}
mkdir -p "$DIR"
for tool in collisions trainspeed measure; do go build -o "$DIR/$tool" ./bench/$tool; done
[ -n "${MLOPS:-}" ] || { MLOPS=dist/mlops; go build -trimpath -o $MLOPS ./functions/mlops; }
peers=
for peer in hgb:sklearn:scikit-learn xgb:xgboost:XGBoost; do
  IFS=: read -r name module title <<<"$peer"
  if version=$($PYTHON -c "import $module; print($module.__version__)" 2>/dev/null); then peers="$peers $name"; echo "$name: $title $version"
  else echo "$PYTHON has no $module: $title is not measured" >&2; fi
done
cores=$(nproc)

data() { # file, arguments of collisions
  [ -f "$DIR/$1" ] || { "$DIR/collisions" "${@:2}" "$DIR/$1.part" && mv "$DIR/$1.part" "$DIR/$1"; }
}
fit() { # who, columns, threads, files
  case $1 in
  mlops) "$DIR/trainspeed" -columns "$2" -threads "$3" -trees "$TREES" "${@:4}" ;;
  *) $PYTHON bench/peer_train.py "$1" "$2" "$3" "$TREES" "${@:4}" ;;
  esac
}
# row WHAT COLUMNS THREADS FILES: fits of everybody in turn, the least of each, as rows of the table and of results.txt
row() {
  local lines=$DIR/fits.txt
  : >"$lines"
  for ((i = 0; i < REPEATS; i++)); do
    for who in ${WHO:-mlops $peers}; do echo "$who $(fit "$who" "${@:2}")" >>"$lines"; done
  done
  awk -v what="$1" -v threads="$3" -v load="$(cut -d' ' -f1 /proc/loadavg 2>/dev/null || echo '?')" '
    !($1 in n) { order[++k] = $1 }
    { n[$1]++; if (n[$1] == 1 || $2 < wall[$1]) wall[$1] = $2; if (n[$1] == 1 || $3 < cpu[$1]) cpu[$1] = $3; if ($4 > memory[$1]) memory[$1] = $4; area[$1] = $5 }
    END { for (i = 1; i <= k; i++) { w = order[i]; printf "| %-22s | %-5s | %7d | %7.2f s | %7.2f s | %5d MB | %s | %17.2f | %9.2f | %4.1f |\n", what, w, threads, wall[w], cpu[w], memory[w], area[w], wall[order[1]] / wall[w], cpu[order[1]] / cpu[w], load } }' "$lines"
}
header() {
  echo "| rows x columns         | who   | threads |      wall | processor |   memory | AUC     | ours/theirs, wall | processor | load |"
  echo "|------------------------|-------|--------:|----------:|----------:|---------:|--------:|------------------:|----------:|-----:|"
}

data train_1000000_28.f32 -rows 1000000 -seed 1
data test_28.f32 -rows 250000 -seed 2
header
for threads in 1 2; do [ $threads -gt "$cores" ] || row "1,000,000 x 28" 28 $threads "$DIR/train_1000000_28.f32" "$DIR/test_28.f32"; done
echo
data train_1000000_28.csv -rows 1000000 -seed 1 -csv
echo '{"trees":100,"leaves":31,"learning_rate":0.1,"min_leaf":20}' >"$DIR/boosting.json"
echo "| whole process, $cores cores                                    |      wall | processor |   memory |"
echo "|------------------------------------------------------------|----------:|----------:|---------:|"
"$DIR/measure" "mlops train from CSV, two folds and the last fit" "$MLOPS" train --data "$DIR/train_1000000_28.csv" --target signal --algorithm boosting --params "$DIR/boosting.json" --folds 2 --out "$DIR/model"
[ -n "${SCALE:-}" ] || exit 0

echo
header
REPEATS=1
for threads in 1 2; do
  [ $threads -le "$cores" ] || continue
  for rows in 10000 100000 1000000 10000000; do
    data scale_$rows.f32 -rows $rows -seed 3
    WHO=$([ $rows -le 1000000 ] && [ $threads = 1 ] || echo mlops) row "$rows x 28" 28 $threads "$DIR/scale_$rows.f32" "$DIR/test_28.f32"
  done
  for columns in 10 100 1000; do
    data wide_$columns.f32 -rows 100000 -columns $columns -seed 4
    data wide_test_$columns.f32 -rows 20000 -columns $columns -seed 5
    WHO=$([ $threads = 1 ] || echo mlops) row "100000 x $columns" $columns $threads "$DIR/wide_$columns.f32" "$DIR/wide_test_$columns.f32"
  done
done
rm -f "$DIR"/scale_*.f32 "$DIR"/wide_*.f32
