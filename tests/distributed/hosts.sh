#!/bin/bash
# Trains on several hosts: network namespaces that a bridge joins, each with a name and an address of its own.
#   tests/distributed/hosts.sh PROGRAM [FOLDER]
# PROGRAM: xrtrain with MPI. FOLDER (a temporary one): the images, the runs and what the programs printed.
#
#     node1 10.77.0.1 --- veth ---+
#     node2 10.77.0.2 --- veth ---+--- bridge, in a namespace too
#     node3 10.77.0.3 --- veth ---+
#
# Checked: the bytes of one process on 2 and 3 hosts; the same where node2's link delays frames by XR_HOSTS_DELAY
# milliseconds (20) each way and loses XR_HOSTS_LOSS percent (1) of them, by tc netem or, where the kernel has none, by
# link.py; a link that is cut in the middle of the training ends all ranks at --timeout with one message, and the run
# resumes to the same bytes.
# Needs root, iproute2, util-linux and openmpi-bin, and changes nothing outside its namespaces; exits with 77 where it
# lacks one.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)

skip() {
  echo "skipped: $*"
  exit 77
}
fail() {
  echo "hosts.sh: $*" >&2
  exit 1
}
step() { echo "- $*"; }

[[ $# -ge 1 ]] || fail "usage: hosts.sh PROGRAM [FOLDER]"
program=$(realpath "$1")
[[ $(id -u) = 0 ]] || skip "network namespaces need root"
for tool in ip:iproute2 unshare:util-linux mpirun:openmpi-bin; do
  command -v "${tool%:*}" >/dev/null || skip "${tool%:*} is missing: install ${tool#*:}"
done
"$program" info | grep -q 'Open MPI' || skip "$program was built without Open MPI: install libopenmpi-dev"

folder=${2:-$(mktemp -d)}
mkdir -p "$folder"
export XR_HOSTS_PREFIX=xr$$ XR_HOSTS_FILE=$folder/hosts
switch=$XR_HOSTS_PREFIX-switch
nodes=(node1 node2 node3)

slow_process=
clean_up() {
  local name process
  [[ -z $slow_process ]] || kill $slow_process 2>/dev/null || true
  for name in "${nodes[@]/#/$XR_HOSTS_PREFIX-}" "$switch"; do
    for process in $(ip netns pids "$name" 2>/dev/null); do kill -9 "$process" 2>/dev/null || true; done
    ip netns delete "$name" 2>/dev/null || true
  done
  [[ -n ${kept-} ]] || rm -rf "$folder"
}
[[ $# -lt 2 ]] || kept=yes
trap clean_up EXIT

# connect NUMBER: a link from the host of this number to the bridge.
connect() {
  local node=node$1 space=$XR_HOSTS_PREFIX-node$1
  ip -n "$switch" link add "$node" type veth peer name eth0 netns "$space" 2>/dev/null ||
    skip "the kernel has no veth pairs"
  plug_in "$1"
}

# plug_in NUMBER: both ends of a link are there; they get their addresses and come up.
plug_in() {
  local node=node$1 space=$XR_HOSTS_PREFIX-node$1
  ip -n "$switch" link set "$node" master bridge0 up
  ip -n "$space" address add "10.77.0.$1/24" dev eth0
  ip -n "$space" link set eth0 up
}

make_hosts() {
  ip netns add "$switch" 2>/dev/null || skip "this system does not let root make network namespaces"
  ip -n "$switch" link add bridge0 type bridge 2>/dev/null || skip "the kernel has no bridge"
  ip -n "$switch" link set bridge0 up
  echo "127.0.0.1 localhost" >"$XR_HOSTS_FILE"
  local number=0 node
  for node in "${nodes[@]}"; do
    number=$((number + 1))
    ip netns add "$XR_HOSTS_PREFIX-$node"
    ip -n "$XR_HOSTS_PREFIX-$node" link set lo up
    connect $number
    echo "10.77.0.$number $node" >>"$XR_HOSTS_FILE"
  done
}

# train OUT [OPTION...]: in one process.
options=(--data "$folder/data" --image-size 32 --epochs 3 --batch-size 12 --shards 6 --threads 1 --seed 4 --timeout 60)
train() {
  local out=$1
  shift
  "$program" train --out "$folder/$out" "${options[@]}" "$@" >"$folder/$out.txt" 2>&1
}

# train_on RANKS OUT [OPTION...]: one rank on each of the first hosts, over TCP.
train_on() {
  local count=$1 out=$2 list
  shift 2
  list=$(printf '%s:1,' "${nodes[@]:0:$count}")
  OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 "$here/enter_host.sh" node1 \
    "mpirun -n $count --host ${list%,} --mca plm_rsh_agent '$here/enter_host.sh' --mca btl tcp,self \
     --mca btl_tcp_if_include 10.77.0.0/24 --mca oob_tcp_if_include 10.77.0.0/24 --bind-to none \
     -x OMP_WAIT_POLICY=passive \
     '$program' train --out '$folder/$out' ${options[*]} $*" >"$folder/$out.txt" 2>&1
}

# The files of two runs that do not hold times.
same_run() {
  local file
  (cd "$folder/$1" && find . -type f ! -name log.txt ! -name timing.csv ! -name '*.html' | sort) >"$folder/files.txt"
  grep -q safetensors "$folder/files.txt" || fail "$1 has no checkpoint"
  while read -r file; do
    cmp -s "$folder/$1/$file" "$folder/$2/$file" || fail "$2/$file differs from the one of $1, or is missing"
  done <"$folder/files.txt"
}

# slow_link: node2's link delays and loses from now on; fails if nothing here can do so. In `slow_by`: what does.
delay=${XR_HOSTS_DELAY:-20} loss=${XR_HOSTS_LOSS:-1}
slow_link() {
  local space=$XR_HOSTS_PREFIX-node2 netem=(root netem delay "${delay}ms" loss "$loss%" limit 100000)
  slow_by='tc netem'
  if ip netns exec "$switch" tc qdisc add dev node2 "${netem[@]}" 2>/dev/null; then
    ip netns exec "$space" tc qdisc add dev eth0 "${netem[@]}"
    return
  fi
  slow_by=link.py
  command -v python3 >/dev/null || return 1
  ip -n "$space" link delete eth0
  python3 "$here/link.py" "$switch:node2" "$space:eth0" --delay "$delay" --loss "$loss" >"$folder/link.txt" 2>&1 &
  slow_process=$!
  while ! grep -q ready "$folder/link.txt"; do
    kill -0 $slow_process 2>/dev/null || { connect 2 && return 1; }
    sleep 0.1
  done
  plug_in 2
}

# fast_link: as before. In `lost_frames`: how many were lost.
fast_link() {
  local space=$XR_HOSTS_PREFIX-node2 counts
  if [[ $slow_by == link.py ]]; then
    kill $slow_process
    wait $slow_process || fail "link.py failed: $(cat "$folder/link.txt")"
    slow_process=
    counts=$(grep -o '[0-9]* lost' "$folder/link.txt")
    connect 2
  else
    counts=$(ip netns exec "$switch" tc -s qdisc show dev node2 && ip netns exec "$space" tc -s qdisc show dev eth0)
    counts=$(grep -o 'dropped [0-9]*' <<<"$counts")
    ip netns exec "$switch" tc qdisc delete dev node2 root
    ip netns exec "$space" tc qdisc delete dev eth0 root
  fi
  lost_frames=$(($(grep -o '[0-9]*' <<<"$counts" | paste -sd +)))
}

# From node1: how long a connection to a closed port of node2 takes to be refused.
microseconds_to_node2() {
  # shellcheck disable=SC2016
  ip netns exec "$XR_HOSTS_PREFIX-node1" bash -c 'start=${EPOCHREALTIME/[.,]/}
    (: </dev/tcp/10.77.0.2/9) 2>/dev/null
    echo $((${EPOCHREALTIME/[.,]/} - start))'
}

waited() { sed -n 's/.*Waiting for other ranks: \([0-9.]*%\).*/\1/p' "$folder/$1.txt"; }

show() {
  tail -n 20 "$folder/$1.txt" >&2
  fail "the training $1 failed"
}

make_hosts
"$program" synth --out "$folder/data" --size 64 --train-covid 12 --train-normal 12 --test-covid 6 --test-normal 6 \
  >"$folder/synth.txt"
train alone || show alone

for count in 2 3; do
  train_on $count "hosts$count" || show "hosts$count"
  same_run alone "hosts$count"
  step "$count hosts end in the bytes of one process"
done

# A network of 2 MB: a lost frame halves what TCP has under way, so that a slow link carries less than 1 MB a second.
small=(--model report_cnn --image-size 16)
train small "${small[@]}" || show small
train_on 2 fast "${small[@]}" || show fast
slow_link || slow_by=
if [[ -n $slow_by ]]; then
  round_trip=$(microseconds_to_node2)
  train_on 2 slow "${small[@]}" || show slow
  same_run small slow
  fast_link
  ((round_trip >= 2000 * delay)) || fail "the link answers after $round_trip us: it does not delay"
  ((lost_frames > 0)) || fail "the link lost no frame"
  step "so they do with $delay ms of delay each way and $loss% of loss, by $slow_by; frames lost: $lost_frames"
  step "waiting for other ranks: $(waited fast) of the steps' time without delay and loss, $(waited slow) with them"
else
  step "not tested: delay and loss, because the kernel has neither sch_netem nor /dev/net/tun, or python3 is missing"
fi

# Ranks of a run that are still there.
ranks_of() { pgrep -f -- "^$program train --out $folder/$1 " || true; }

long=(--epochs 400 --schedule constant --patience 0 --keep 1)
train_on 2 cut "${long[@]}" --timeout 5 &
launcher=$!
for _ in $(seq 600); do
  [[ ! -e $folder/cut/history.csv ]] || break
  sleep 0.1
done
[[ -e $folder/cut/history.csv ]] || show cut
sleep 0.37
ip -n "$switch" link set node2 down
for _ in $(seq 300); do
  [[ -n $(ranks_of cut) ]] || break
  sleep 0.1
done
[[ -z $(ranks_of cut) ]] || fail "30 s after the link was cut, ranks with --timeout 5 are still there"
[[ $(grep -ao 'xrtrain: error: ' "$folder/cut.txt" | wc -l) = 1 ]] || {
  cat "$folder/cut.txt" >&2
  fail "there is not one message of a cut link"
}
grep -aq 'error: .*rank 1 on host node2 did not answer .*within 5 s' "$folder/cut.txt" || show cut
step "a cut link ends all ranks at --timeout: $(grep -ao 'rank 1 on host.*within 5 s' "$folder/cut.txt")"

# mpirun waits for its daemon on the other host, whose rank had a message of its own.
ip -n "$switch" link set node2 up
for _ in $(seq 300); do
  kill -0 $launcher 2>/dev/null || break
  sleep 0.1
done
kill -0 $launcher 2>/dev/null && fail "mpirun did not end after its ranks"
wait $launcher && fail "the training ended without an error though the link was cut"

epochs=$(($(wc -l <"$folder/cut/history.csv") + 1))
train straight "${long[@]}" --epochs $epochs || show straight
train_on 3 cut "${long[@]}" --epochs $epochs --resume || show cut
same_run straight cut
step "and the run resumes, on 3 hosts, to the bytes of an undisturbed run of $epochs epochs"
