#!/bin/bash
# Speed and memory of validating: 120 expectations over 30 columns (15 numbers, 15 categories), beside the same checks written with pandas where python3 has it.
#   bench/data.sh            10^4, 10^5 and 10^6 rows
#   SCALE=1 bench/data.sh    also 10^7 (needs 2 GB in DIR for a while)
# DIR: where the data lie, and stay for the next run; default dist/bench.
set -euo pipefail
cd "$(dirname "$0")/.."
export CGO_ENABLED=0
DIR=${DIR:-dist/bench}
mkdir -p "$DIR"
for tool in makedata measure; do go build -o "$DIR/$tool" ./bench/$tool; done
[ -n "${MLOPS:-}" ] || { MLOPS=dist/mlops; go build -trimpath -o $MLOPS ./functions/mlops; }
PYTHON=${PYTHON:-python3}
ratios=
pandas=$($PYTHON -c 'import pandas; print(1)' 2>/dev/null || true)
[ -n "$pandas" ] || echo "$PYTHON has no pandas: the peer is not measured" >&2

"$DIR/makedata" -suite >"$DIR/suite.json"
row() { "$DIR/measure" "$@" | tee "$DIR/row.txt"; }
took() { awk -F'|' '{print $4 + 0}' "$DIR/row.txt"; } # processor time of the last row
echo "| whole process, $(nproc) cores                                    |      wall | processor |   memory |"
echo "|------------------------------------------------------------|----------:|----------:|---------:|"
for rows in 10000 100000 1000000 ${SCALE:+10000000}; do
  file=$DIR/checks_$rows.csv
  [ -f "$file" ] || { "$DIR/makedata" -rows $rows -seed 11 >"$file.part"; mv "$file.part" "$file"; }
  peer=
  if [ -n "$pandas" ] && [ $rows -le 1000000 ]; then # pandas needs 7 GB for 10^7
    row "pandas: the same checks, $rows rows" $PYTHON bench/peer.py checks "$file"
    peer=$(took)
  fi
  row "mlops validate, $rows rows" "$MLOPS" validate --suite "$DIR/suite.json" --data "$file"
  ratios="$ratios${peer:+$(awk -v a="$peer" -v b="$(took)" -v n=$rows 'BEGIN { printf "%d rows: %.1f times the processor time with pandas; ", n, a / b }')}"
  if [ $rows = 1000000 ]; then
    row "mlops validate --data -, $rows rows through a pipe" bash -c 'cat "$3" | "$1" validate --suite "$2" --data -' - "$MLOPS" "$DIR/suite.json" "$file"
  fi
  [ $rows -lt 10000000 ] || rm -f "$file"
done
[ -z "$ratios" ] || echo "$ratios"
