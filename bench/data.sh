#!/bin/bash
# Speed and memory of reading and of validating, beside pandas in the same run where python3 has it.
#   bench/data.sh            10^4, 10^5 and 10^6 rows of 30 columns; 10 and 100 columns of 100,000 rows
#   SCALE=1 bench/data.sh    also 10^7 rows (needs 2 GB in DIR for a while), and 1,000 columns
# DIR: where the data lie, and stay for the next run; default dist/bench.
set -euo pipefail
cd "$(dirname "$0")/.."
export CGO_ENABLED=0
DIR=${DIR:-dist/bench}
mkdir -p "$DIR"
for tool in makedata measure readcsv; do go build -o "$DIR/$tool" ./bench/$tool; done
[ -n "${MLOPS:-}" ] || { MLOPS=dist/mlops; go build -trimpath -o $MLOPS ./functions/mlops; }
PYTHON=${PYTHON:-python3}
pandas=$($PYTHON -c 'import pandas; print(pandas.__version__)' 2>/dev/null || true)
if [ -n "$pandas" ]; then
  echo "peer: plain pandas $pandas, which does what each row says and no more (no partial lists, counts or report); Great Expectations itself is not run here"
else
  echo "$PYTHON has no pandas: the peer is not measured" >&2
fi

row() { "$DIR/measure" "$@" | tee "$DIR/row.txt"; }
field() { awk -F'|' -v n="$1" '{print $n + 0}' "$DIR/row.txt"; } # of the last row: 3 wall, 4 processor
head() {
  echo "| whole process, $(nproc) cores                                    |      wall | processor |   memory |"
  echo "|------------------------------------------------------------|----------:|----------:|---------:|"
}
file() { # rows, columns; sets $file
  file=$DIR/checks_$1x$2.csv
  [ -f "$file" ] || { "$DIR/makedata" -rows "$1" -columns "$2" -seed 11 >"$file.part"; mv "$file.part" "$file"; }
}
notes=
note() { notes="$notes$*"$'\n'; }

# reading: rows, columns
reading() {
  file "$1" "$2"
  peer=
  if [ -n "$pandas" ]; then
    row "pandas: read_csv, $1 rows x $2" "$PYTHON" bench/peer.py read "$file"
    peer=$(field 4) peerwall=$(field 3)
  fi
  row "CSV to typed frame, $1 rows x $2" "$DIR/readcsv" "$file"
  wall=$(field 3)
  GOMAXPROCS=1 row "the same on one core" "$DIR/readcsv" "$file"
  note "$(awk -v n="$1 rows x $2 columns" -v b="$(stat -c %s "$file" 2>/dev/null || stat -f %z "$file")" -v t="$(field 4)" -v w="$wall" -v p="${peer:-0}" -v pw="${peerwall:-0}" 'BEGIN {
    printf "CSV to typed frame, %s: %.0f MB/s of processor time on one core (goal: 250)", n, b / 1e6 / t
    if (p > 0) printf "; pandas takes %.1f times the wall time, %.1f times the processor time (goal: 4)", pw / w, p / t }')"
}

# validating: rows, columns, suite
validating() {
  file "$1" "$2"
  peer=
  if [ -n "$pandas" ] && [ $(($1 * $2)) -le 100000000 ]; then # pandas needs 7 GB for 10^7 rows of 30
    row "pandas: the same checks, $1 rows x $2" "$PYTHON" bench/peer.py checks "$file"
    peer=$(field 4)
  fi
  row "mlops validate, $1 rows x $2" "$MLOPS" validate --suite "$3" --data "$file"
  note "$(awk -v n="$1 rows x $2 columns" -v t="$(field 4)" -v c="$(($1 * $2))" -v p="${peer:-0}" 'BEGIN {
    printf "validate, %s: %.0f ns a cell", n, t * 1e9 / c
    if (p > 0) printf "; pandas takes %.1f times the processor time", p / t }')"
}

"$DIR/makedata" -suite >"$DIR/suite_30.json"
head
reading 1000000 30
for rows in 10000 100000 1000000 ${SCALE:+10000000}; do
  validating $rows 30 "$DIR/suite_30.json"
  if [ $rows = 1000000 ]; then
    row "mlops validate --data -, $rows rows through a pipe" bash -c 'cat "$3" | "$1" validate --suite "$2" --data -' - "$MLOPS" "$DIR/suite_30.json" "$file"
  fi
  [ $rows -lt 10000000 ] || rm -f "$file"
done
for columns in 10 100 ${SCALE:+1000}; do
  "$DIR/makedata" -suite -columns $columns >"$DIR/suite_$columns.json"
  reading 100000 $columns
  validating 100000 $columns "$DIR/suite_$columns.json"
  [ $columns -lt 1000 ] || rm -f "$file"
done
echo
printf %s "$notes"
