// What printf and assert need: variables of the module with a text, and calls of two functions. There are no other functions:
// nvcc inlines those of the kernels.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "kernels/software_gpu/decode/decoder.h"
#include "kernels/software_gpu/decode/text.h"

namespace xr::software_gpu {

using std::string;
using std::string_view;

// .global .align 1 .b8 $str[24] = {116, 104, ...}; what is not listed is zero.
void Decoder::place_global(string_view declaration) {
  u64 end = 0;
  declare(declaration, end);
  const string name(variable_name(declaration));
  auto variable = std::make_unique<GlobalVariable>(end);
  if (const std::size_t open = declaration.find('{'); open != string_view::npos) {
    if (declaration.find(".b8") == string_view::npos) fail("a global variable with such values: " + name);
    std::size_t at = 0;
    for (const string& value : operands_of(declaration.substr(open + 1, declaration.find('}') - open - 1)))
      variable->data()[at++] = static_cast<u8>(std::atoi(value.c_str()));
  }
  variables_[name] = {reinterpret_cast<u64>(variable->data()), end};
  kernel_->globals.push_back(std::move(variable));
}

// ".param .b64 param0;" within a body: a lane's own memory.
void Decoder::call_parameter(string_view declaration) {
  const string text(declaration.substr(0, declaration.find(';')));
  declare(text, local_end_);
  call_parameters_.insert(string(variable_name(text)));
}

bool Decoder::is_call_parameter(const string& address) const {
  const std::size_t end = address.find_first_of("+]");
  return address.size() > 1 && end != string::npos &&
         call_parameters_.contains(string(trim(string_view(address).substr(1, end - 1))));
}

// call.uni (retval0), vprintf, (param0, param1); call.uni __assertfail, (param0, ..., param4)
void Decoder::call(Instruction& instruction, const Words& parts, const Words& arguments) {
  allow(parts, {"uni"});
  expect_arguments(arguments, 2, 3);
  const bool returns = arguments[0].starts_with('(');
  const string& function = arguments[returns ? 1 : 0];
  instruction.run = call_handler(function);
  if (instruction.run == nullptr || (returns && arguments.size() != 3)) fail("a function that is not known");
  const string& list = arguments.back();
  Words places = operands_of(string_view(list).substr(1, list.size() - 2));
  if (returns) places.push_back(arguments[0].substr(1, arguments[0].size() - 2));
  expect_arguments(places, returns ? 3 : 5, returns ? 3 : 5);
  for (std::size_t i = 0; i < places.size(); ++i) {
    const auto found = variables_.find(places[i]);
    if (found == variables_.end()) fail("operand " + places[i] + " is not known");
    instruction.sources[i] = constant(found->second.address, 8);
  }
  instruction.kind = Kind::control;
}

}  // namespace xr::software_gpu
