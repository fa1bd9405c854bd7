#!/bin/bash
# Do the kernels' tests look at what each instruction computes? Changes the meaning of one instruction at a time
# (XR_GPU_MUTATE) and runs the tests until one fails: a few cases of each operation, then all, an eighth at a time. With
# XR_TEST_SHARE=1/8 it runs that share only, which takes less time and misses more.
#
#   mutate.sh BUILD [MUTATION...]      BUILD: of the preset software-gpu
#
# Prints a line per mutation: noticed, not used by any kernel, equivalent (not noticed, with a reason in equivalent.txt),
# or NOT NOTICED; then the share. XR_JOBS mutations run at a time, by default as many as there are cores. The exit status
# is 0 if every mutation is noticed, unused or equivalent.
set -uo pipefail

build=${1:?usage: mutate.sh BUILD [MUTATION...]}
shift
mutations=("$@")
((${#mutations[@]})) || mutations=(
  add.f32:sub.f32 sub.f32:add.f32 mul.f32:add.f32 max.f32:min.f32 min.f32:max.f32 div.f32:mul.f32 rcp.f32:sqrt.f32
  sqrt.f32:rcp.f32 rsqrt.f32:rcp.f32 neg.f32:abs.f32 abs.f32:neg.f32 fma.f32:fma.rz.f32 fma.rm.f32:fma.rp.f32
  ex2.ftz.f32:lg2.ftz.f32 lg2.f32:ex2.f32 copysign.f32:add.f32
  add.f64:sub.f64 sub.f64:add.f64 mul.f64:add.f64 div.f64:mul.f64 sqrt.f64:rcp.f64 max.f64:min.f64 abs.f64:neg.f64
  neg.f64:abs.f64 rcp.f64:sqrt.f64
  add.s32:sub.s32 sub.s32:add.s32 mul.lo.s32:add.s32 div.s32:rem.s32 rem.s32:div.s32 min.s32:max.s32 max.s32:min.s32
  neg.s32:abs.s32 abs.s32:neg.s32 mul.hi.u32:mul.lo.u32 mul.hi.s32:mul.lo.s32
  div.u32:rem.u32 rem.u32:div.u32 min.u32:max.u32 max.u32:min.u32
  add.s64:sub.s64 sub.s64:add.s64 mul.lo.s64:add.s64 div.s64:rem.s64 rem.s64:div.s64 min.s64:max.s64 max.s64:min.s64
  neg.s64:abs.s64 div.u64:rem.u64 rem.u64:div.u64 mul.hi.u64:mul.lo.u64 min.u64:max.u64 max.u64:min.u64
  and.b32:or.b32 or.b32:and.b32 xor.b32:or.b32 not.b32:mov.b32 and.b64:or.b64 or.b64:and.b64 xor.b64:or.b64
  and.b16:or.b16 or.b16:and.b16 xor.b16:or.b16 shl.b32:shr.b32 shl.b64:shr.b64 shr.u32:shr.s32 shr.s32:shr.u32
  shr.u64:shr.s64 shr.s64:shr.u64 shl.b16:shr.b16 shr.u16:shr.s16
  mul.wide.s32:mul.wide.u32 mul.wide.u32:mul.wide.s32 mul.wide.u16:mul.wide.s16 popc.b32:clz.b32 clz.b32:popc.b32
  shf.l.wrap.b32:shf.r.wrap.b32 shf.r.wrap.b32:shf.l.wrap.b32
  setp.lt.f32:setp.le.f32 setp.gt.f32:setp.ge.f32 setp.le.f32:setp.lt.f32 setp.ge.f32:setp.gt.f32
  setp.eq.f32:setp.ne.f32 setp.ne.f32:setp.eq.f32 setp.neu.f32:setp.equ.f32 setp.equ.f32:setp.neu.f32
  setp.leu.f32:setp.ltu.f32 setp.gtu.f32:setp.geu.f32 setp.nan.f32:setp.num.f32 setp.num.f32:setp.nan.f32
  setp.lt.f64:setp.le.f64 setp.gt.f64:setp.ge.f64 setp.neu.f64:setp.equ.f64
  setp.lt.s32:setp.le.s32 setp.le.s32:setp.lt.s32 setp.gt.s32:setp.ge.s32 setp.ge.s32:setp.gt.s32
  setp.eq.s32:setp.ne.s32 setp.ne.s32:setp.eq.s32 setp.lt.u32:setp.le.u32 setp.gt.u32:setp.ge.u32
  setp.lt.s64:setp.le.s64 setp.le.s64:setp.lt.s64 setp.gt.s64:setp.ge.s64 setp.ge.s64:setp.gt.s64
  setp.eq.s64:setp.ne.s64 setp.ne.s64:setp.eq.s64 setp.lt.u64:setp.le.u64 setp.gt.u64:setp.ge.u64
  setp.eq.b32:setp.ne.b32 setp.ne.b32:setp.eq.b32 setp.eq.b16:setp.ne.b16 setp.ne.b16:setp.eq.b16
  setp.lt.s16:setp.le.s16 setp.gt.u16:setp.ge.u16
  and.pred:or.pred or.pred:and.pred xor.pred:or.pred not.pred:mov.pred)

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
# As CI runs the tests: with the paths of large indexes, and many turns of grid-stride loops.
export XR_TEST_BACKENDS=cuda XR_GPU_WIDE_INDEXES=1 XR_MAX_BLOCKS=3 OMP_NUM_THREADS=1
tests=$build/bin/test_kernels
equivalent=$(dirname "$0")/equivalent.txt

# verdict_of MUTATION: runs the tests with it.
verdict_of() {
  local log=$logs/$1 share status
  export XR_GPU_MUTATE=$1
  XR_GPU_DECODE=all "$tests" --list-cases 2>"$log" >/dev/null
  ! grep -m 1 '^software GPU: XR_GPU_MUTATE' "$log" || return
  if grep -q '^software GPU: 0 instructions ' "$log"; then
    echo 'not used'
    return
  fi
  for share in ${XR_TEST_SHARE:-0/32 0/8 1/8 2/8 3/8 4/8 5/8 6/8 7/8}; do
    (ulimit -t 100 && XR_TEST_SHARE=$share exec "$tests" --abort) >"$log" 2>&1
    status=$?
    if ((status == 128 + 24)); then # SIGXCPU; a share takes less than 20 s
      echo 'noticed: the tests do not end'
    elif ((status != 0)); then
      echo noticed
    else
      continue
    fi
    return
  done
  if grep -q "^$1 | " "$equivalent"; then echo equivalent; else echo 'NOT NOTICED'; fi
}
try() { printf '%-32s %s\n' "$1" "$(verdict_of "$1")"; }
export -f verdict_of try
export logs tests equivalent

printf '%s\n' "${mutations[@]}" | xargs -P "${XR_JOBS:-$(nproc)}" -I '{}' bash -c 'try {}' | tee "$logs/all"
count() { grep -c " $1\$" "$logs/all"; }
noticed=$(grep -c ' noticed' "$logs/all") missed=$(count 'NOT NOTICED')
echo "$noticed of $((noticed + missed)) mutations are noticed; $(count equivalent) are equivalent, and $(count 'not used')" \
  "change an instruction that no kernel uses"
((missed == 0 && $(wc -l <"$logs/all") == ${#mutations[@]})) && ! grep ' software GPU: ' "$logs/all"
