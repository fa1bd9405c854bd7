#include "kernels/software_gpu/arithmetic/lanes.h"

namespace xr::software_gpu {

namespace {

Table make_table() {
  Table table;
  add_integers(table);
  add_floats(table);
  add_conversions(table);
  add_comparisons(table);
  return table;
}

}  // namespace

const Operation* find_operation(std::string_view name) {
  static const auto* const table = new Table(make_table());
  const auto found = table->find(std::string(name));
  return found == table->end() ? nullptr : &found->second;
}

}  // namespace xr::software_gpu
