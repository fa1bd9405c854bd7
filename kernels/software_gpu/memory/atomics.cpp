#include <type_traits>

#include "kernels/software_gpu/handlers.h"
#include "kernels/software_gpu/memory/access.h"

namespace xr::software_gpu {

namespace {

/// One at a time, as if no other thread were between.
template <class T, class F>
void atomic(Warp& warp, const Instruction& instruction, u32 lanes, F&& f) {
  using L = std::conditional_t<sizeof(T) == 8, u64, u32>;
  Lanes x;
  resolve(warp, instruction, lanes, sizeof(T), Access::atomic, x);
  const L *block = warp.reg<const L>(instruction.sources[1]), *c = warp.reg<const L>(instruction.sources[2]);
  each(lanes, [&](int lane) {
    L* const p = reinterpret_cast<L*>(x.at[lane]);
    L old = __atomic_load_n(p, __ATOMIC_SEQ_CST);
    L next;
    do
      next = std::bit_cast<L>(
          f(std::bit_cast<T>(old), std::bit_cast<T>(block[lane]), std::bit_cast<T>(c[lane])));
    while (!__atomic_compare_exchange_n(p, &old, next, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
    if (instruction.has_second_destination)
      warp.reg<L>(instruction.destinations[0])[lane] = old;  // atom, not red
  });
}

template <class T, auto F>
void atomic_of(Warp& warp, const Instruction& instruction, u32 lanes) {
  atomic<T>(warp, instruction, lanes, F);
}

template <class T>
Handler atomic_of_type(std::string_view op) {
  if (op == "add") return atomic_of<T, [](T a, T block, T) { return static_cast<T>(a + block); }>;
  if (op == "min") return atomic_of<T, [](T a, T block, T) { return a < block ? a : block; }>;
  if (op == "max") return atomic_of<T, [](T a, T block, T) { return block < a ? a : block; }>;
  if (op == "exch") return atomic_of<T, [](T, T block, T) { return block; }>;
  if (op == "cas") return atomic_of<T, [](T a, T block, T c) { return a == block ? c : a; }>;
  if constexpr (std::is_integral_v<T>) {
    if (op == "and") return atomic_of<T, [](T a, T block, T) { return a & block; }>;
    if (op == "or") return atomic_of<T, [](T a, T block, T) { return a | block; }>;
    if (op == "xor") return atomic_of<T, [](T a, T block, T) { return a ^ block; }>;
  }
  return nullptr;
}

}  // namespace

Handler atomic_handler(std::string_view op, std::string_view type) {
  if (type == "u32" || type == "b32") return atomic_of_type<u32>(op);
  if (type == "s32") return atomic_of_type<s32>(op);
  if (type == "u64" || type == "b64") return atomic_of_type<u64>(op);
  if (type == "s64") return atomic_of_type<s64>(op);
  if (type == "f32") return atomic_of_type<float>(op);
  if (type == "f64") return atomic_of_type<double>(op);
  return nullptr;
}

}  // namespace xr::software_gpu
