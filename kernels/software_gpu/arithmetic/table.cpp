#include <algorithm>
#include <iterator>

#include "kernels/software_gpu/arithmetic/lanes.h"
#include "kernels/software_gpu/fault.h"
#include "kernels/software_gpu/options.h"

namespace xr::software_gpu {

namespace {

u64 mutated = 0;  // instructions that XR_GPU_MUTATE changes, of those that were looked up

Table make_table() {
  Table table;
  add_integers(table);
  add_floats(table);
  add_conversions(table);
  add_comparisons(table);
  return table;
}

bool have_same_widths(const Operation& a, const Operation& b) {
  return a.destination == b.destination && std::equal(std::begin(a.sources), std::end(a.sources), b.sources);
}

/// The table; where XR_GPU_MUTATE says so, with one instruction's meaning changed.
const Table& table() {
  static const Table& all = *[] {
    auto* const made = new Table(make_table());
    const std::string &from = options().mutated, &to = options().mutated_to;
    if (from.empty()) return made;
    const auto changed = made->find(from), like = made->find(to);
    if (changed == made->end() || like == made->end() || !have_same_widths(changed->second, like->second))
      end_program("XR_GPU_MUTATE: " + from + " and " + to +
                  " are not two known instructions with the same operands");
    changed->second.run = like->second.run;
    return made;
  }();
  return all;
}

}  // namespace

const Operation* find_operation(std::string_view name) {
  const auto found = table().find(std::string(name));
  if (found == table().end()) return nullptr;
  if (name == options().mutated) ++mutated;
  return &found->second;
}

u64 mutated_instructions() {
  return mutated;
}

}  // namespace xr::software_gpu
