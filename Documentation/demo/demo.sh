#!/usr/bin/env bash
# The demo: a server of its own on a free port, a real series, a forecast of its last two years beside the naive ones,
# a live session. Stops what it started and nothing else.
#
#   TIMESTEP=path/to/timestep Documentation/demo/demo.sh           watch it
#   TIMESTEP=path/to/timestep Documentation/demo/demo.sh --check   fail unless the forecast is as good as it should be
set -euo pipefail
cd "$(dirname "$0")/../.."

check=false
[ "${1:-}" = --check ] && check=true
timestep=${TIMESTEP:-timestep}
# As short as a person would type it.
timestep=${timestep#"$PWD"/}
series=Documentation/examples/airpassengers.csv
# The mean RMSE that the same LSTM reaches in PyTorch with the same settings and seeds 1, 2, 3.
limit=32.1

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\e[1m' plain=$'\e[0m'; else bold='' plain=''; fi
say() { printf '\n%s%s%s\n' "$bold" "$1" "$plain"; }
show() { printf '  $ timestep %s\n\n' "$*"; }
run() {
    show "$@"
    "$timestep" "$@"
}

folder=$(mktemp -d)
server=
finish() {
    local status=$?
    # Only the process that this script started; it stops its own workers.
    if [ -n "$server" ] && kill -0 "$server" 2>/dev/null; then
        kill -TERM "$server"
        wait "$server" 2>/dev/null || true
    fi
    if [ "$status" != 0 ] && [ -s "$folder/log" ]; then
        printf '\nThe demo did not end as it should. The last lines of the log of the server:\n' >&2
        tail -n 20 "$folder/log" >&2
    fi
    rm -rf "$folder"
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say "1. A server on this machine, on a free port, with an empty data folder"
show serve --port 0 --data "$folder/data"
workers=$(nproc 2>/dev/null || echo 1)
[ "$workers" -gt 3 ] && workers=3
"$timestep" serve --port 0 --data "$folder/data" --workers "$workers" --log-format json 2>"$folder/log" &
server=$!
address=
for _ in $(seq 1 200); do
    address=$(sed -n '/"message":"ready"/ s/.*"address":"\([^"]*\)".*/\1/p' "$folder/log" | head -n 1)
    [ -n "$address" ] && break
    if ! kill -0 "$server" 2>/dev/null; then
        echo "the server ended at once" >&2
        exit 1
    fi
    sleep 0.05
done
[ -n "$address" ] || { echo "the server did not say where it listens" >&2; exit 1; }
printf '  it listens on %s\n' "$address"
export TIMESTEP_SERVER=$address
unset TIMESTEP_API_KEY

say "2. Twelve years of airline passengers: train on the first ten, forecast the last two, with three seeds"
required=()
$check && required=(--require-rmse "$limit")
run train "$series" --model airline --target passengers_thousands --time month \
    --lookback 24 --horizon 24 --transform log,seasonal_difference=12 --holdout 24 \
    --cell lstm --hidden 32 --optimizer adam --learning-rate 0.005 --batch-size 32 --epochs 150 --clip-norm 1 \
    --seeds 1,2,3 ${required[@]+"${required[@]}"}

say "3. What will the last two years be, and what were they?"
run predict airline --horizon 24 --against "$series"

say "4. A live session: three years go in month by month, and each answer is the month that comes next"
show sessions open airline
session=$("$timestep" sessions open airline)
printf '%s\n\n' "$session"
show sessions step "$session" -
# The first answers are "-": a seasonal difference needs a year of rows before there is anything to say.
printf '  %-8s  %8s  %s\n' month truth 'forecast for the month after'
# 1957 to 1959, in the order of the file.
answers=$(sed -n '98,133p' "$series" | cut -d, -f2 | "$timestep" sessions step "$session" - 2>/dev/null)
paste -d' ' <(sed -n '98,133p' "$series") <(printf '%s\n' "$answers") | tail -n 6 \
    | while IFS=', ' read -r month truth answer; do printf '  %-8s  %8s  %s\n' "$month" "$truth" "$answer"; done
printf '\n'
run sessions forecast "$session" --horizon 3

if $check; then
    # Rows that went in one by one must have given as many answers, the last of them numbers.
    [ "$(printf '%s\n' "$answers" | grep -c .)" = 36 ] || { echo "the session gave the wrong number of answers" >&2; exit 1; }
    printf '%s\n' "$answers" | tail -n 1 | grep -Eq '^[0-9]+(\.[0-9]+)?$' || { echo "the last answer is no number" >&2; exit 1; }
fi

say "Next"
cat <<END
  Start a server of your own, and leave it running:

    $timestep serve

  In another terminal, the same training with curl:

    curl -d @Documentation/examples/train-airline.json http://127.0.0.1:8080/train
    curl 'http://127.0.0.1:8080/jobs?limit=1'
    curl -d '{"model": "airline", "horizon": 12}' http://127.0.0.1:8080/predict

  Or your own series, from a CSV with a header row:

    $timestep train sales.csv --model sales --target units --time month --holdout 12

  $timestep --help tells the rest; README.md goes on from here.
END
