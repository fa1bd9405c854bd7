#!/bin/bash
# Do the kernels' tests look at what each instruction computes? Changes the meaning of one instruction at a time
# (XR_GPU_MUTATE) and runs the tests until one fails.
#
#   mutate.sh BUILD [MUTATION...]      BUILD: of the preset software-gpu
#
# Prints a line a mutation: noticed, NOT NOTICED, or not used by any kernel that the tests launch; then the share.
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

log=$(mktemp)
trap 'rm -f "$log"' EXIT
export XR_TEST_BACKENDS=cuda OMP_WAIT_POLICY=passive
noticed=0 not_noticed=0 unused=0
for mutation in "${mutations[@]}"; do
  if XR_GPU_MUTATE=$mutation timeout 600 "$build/bin/test_kernels" --abort >"$log" 2>&1; then
    if grep -q '^software GPU: 0 instructions ' "$log"; then
      unused=$((unused + 1)) verdict='not used'
    else
      not_noticed=$((not_noticed + 1)) verdict='NOT NOTICED'
    fi
  elif grep -q '^software GPU: XR_GPU_MUTATE' "$log"; then
    echo "$mutation: $(grep -m 1 '^software GPU: XR_GPU_MUTATE' "$log")"
    exit 2
  else
    noticed=$((noticed + 1)) verdict=noticed
  fi
  printf '%-32s %s\n' "$mutation" "$verdict"
done
echo "$noticed of $((noticed + not_noticed)) mutations are noticed; $unused change an instruction that no kernel uses"
((not_noticed == 0))
