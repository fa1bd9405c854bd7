// Instructions that access memory.
#include <algorithm>

#include "kernels/software_gpu/decode/decoder.h"
#include "kernels/software_gpu/decode/text.h"

namespace xr::software_gpu {

using std::string;
using std::string_view;

namespace {

using Words = std::vector<string>;

bool has(const Words& parts, string_view what) {
  return std::find(parts.begin() + 1, parts.end(), what) != parts.end();
}

Space space_of(const Words& parts) {
  return has(parts, "global")                                ? Space::global
         : has(parts, "shared") || has(parts, "shared::cta") ? Space::shared
         : has(parts, "local")                               ? Space::local
         : has(parts, "param")                               ? Space::parameter
                                                             : Space::generic;
}

Kind kind_of(Space space) {
  return space == Space::shared      ? Kind::shared
         : space == Space::local     ? Kind::local
         : space == Space::parameter ? Kind::parameter
                                     : Kind::global;
}

}  // namespace

// ld.global.nc.v4.f32 {a, b, c, d}, [address]; st.shared.u32 [address], a. What orders and caches is of no effect: memory
// is sequentially consistent here.
void Decoder::access(Instruction& instruction, const Words& parts, const Words& arguments) {
  expect_arguments(arguments, 2, 2);
  const string& type = parts.back();
  if (!is_type(type) || type == "pred") fail("a type that is not known");
  allow(Words(parts.begin(), parts.end() - 1), {"global",
                                                "shared",
                                                "shared::cta",
                                                "local",
                                                "param",
                                                "v2",
                                                "v4",
                                                "nc",
                                                "weak",
                                                "volatile",
                                                "relaxed",
                                                "acquire",
                                                "release",
                                                "cta",
                                                "gpu",
                                                "sys",
                                                "ca",
                                                "cg",
                                                "cs",
                                                "lu",
                                                "cv",
                                                "wb",
                                                "wt",
                                                "L1::evict_normal",
                                                "L1::evict_unchanged",
                                                "L1::evict_first",
                                                "L1::evict_last",
                                                "L1::no_allocate",
                                                "L2::64B",
                                                "L2::128B",
                                                "L2::256B"});
  instruction.space = space_of(parts);
  if (instruction.space == Space::parameter && is_call_parameter(arguments[parts[0] == "ld" ? 1 : 0]))
    instruction.space = Space::local;
  instruction.kind = kind_of(instruction.space);
  instruction.elements = has(parts, "v2") ? 2 : has(parts, "v4") ? 4 : 1;
  instruction.bytes = static_cast<u8>(bytes_of(type));
  const bool loads = parts[0] == "ld";
  address(arguments[loads ? 1 : 0], instruction, instruction.sources[0], instruction.offset);
  const Words values = in_braces(arguments[loads ? 0 : 1]);
  expect_arguments(values, instruction.elements, instruction.elements);
  bool wide = instruction.bytes == 8;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Register* const found = find_register(values[i]);
    if (found != nullptr) wide = found->width == 8;  // of loads, and of stores, wider than the type
    if (loads)
      instruction.destinations[i] = destination(values[i], 0);
    else
      instruction.sources[1 + i] =
          found != nullptr ? found->place : source(values[i], instruction.bytes == 8 ? 8 : 4);
  }
  instruction.run =
      loads ? load_handler(instruction.bytes, type[0] == 's', wide) : store_handler(instruction.bytes, wide);
  if (instruction.run == nullptr) fail("an access that is not known");
}

// atom.global.add.u32 old, [address], value; red without the old value; cas has two values.
void Decoder::atomic(Instruction& instruction, const Words& parts, const Words& arguments) {
  const string& type = parts.back();
  static constexpr string_view operations[] = {"add", "min", "max", "exch", "cas", "and", "or", "xor"};
  Words operation, others{parts[0]};
  for (std::size_t i = 1; i + 1 < parts.size(); ++i) {
    const bool is_operation =
        std::find(std::begin(operations), std::end(operations), parts[i]) != std::end(operations);
    (is_operation ? operation : others).push_back(parts[i]);
  }
  allow(others,
        {"global", "shared", "shared::cta", "relaxed", "acquire", "release", "acq_rel", "cta", "gpu", "sys"});
  if (operation.size() != 1) fail("an atomic operation that is not known");
  instruction.run = atomic_handler(operation[0], type);
  if (instruction.run == nullptr) fail("a type that is not known");
  const bool returns = parts[0] == "atom", compares = operation[0] == "cas";
  const std::size_t first = returns ? 1 : 0, count = first + (compares ? 3 : 2);
  expect_arguments(arguments, count, count);
  instruction.space = space_of(parts);
  instruction.kind = kind_of(instruction.space);
  const u8 width = bytes_of(type) == 8 ? 8 : 4;
  if (returns) instruction.destinations[0] = destination(arguments[0], width);
  instruction.has_second_destination = returns;
  address(arguments[first], instruction, instruction.sources[0], instruction.offset);
  instruction.sources[1] = source(arguments[first + 1], width);
  instruction.sources[2] = compares ? source(arguments[first + 2], width) : instruction.sources[1];
}

// cp.async.cg.shared.global [to], [from], 16, valid; cp.async.commit_group; cp.async.wait_group n; cp.async.wait_all
void Decoder::async_copy(Instruction& instruction, const Words& parts, const Words& arguments) {
  if (parts.size() < 3 || parts[1] != "async") fail("a copy that is not known");
  instruction.kind = Kind::async;
  if (parts.size() == 3 && parts[2] == "commit_group") {
    instruction.run = async_commit_handler();
    return;
  }
  const auto literal = [&](const string& text) {
    if (text.empty() || text.find_first_not_of("0123456789") != string::npos) fail(text + " is not a number");
    return std::stoi(text);
  };
  if (parts.size() == 3 && (parts[2] == "wait_all" || parts[2] == "wait_group")) {
    expect_arguments(arguments, parts[2] == "wait_all" ? 0 : 1, 1);
    instruction.run = async_wait_handler();
    instruction.offset = parts[2] == "wait_all" ? -1 : literal(arguments[0]);
    return;
  }
  allow(parts, {"async", "ca", "cg", "shared", "shared::cta", "global", "L2::64B", "L2::128B", "L2::256B"});
  expect_arguments(arguments, 3, 4);
  Instruction from;
  s64 offset = 0;
  address(arguments[1], from, instruction.sources[1], offset);
  if (!from.address_is_64) fail("a global address of 32 bits");
  instruction.second_offset = static_cast<s32>(offset);
  address(arguments[0], instruction, instruction.sources[0], instruction.offset);
  const int bytes = literal(arguments[2]);
  if (bytes != 16 && (has(parts, "cg") || (bytes != 4 && bytes != 8)))
    fail("copies of so many bytes do not exist");
  instruction.bytes = static_cast<u8>(bytes);
  instruction.has_second_destination = arguments.size() == 4;
  if (arguments.size() == 4) instruction.sources[2] = source(arguments[3], 4);
  instruction.run = async_copy_handler();
}

// ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {a, b, c, d}, [address]
void Decoder::matrix_load(Instruction& instruction, const Words& parts, const Words& arguments) {
  allow(parts, {"sync", "aligned", "m8n8", "x1", "x2", "x4", "trans", "shared", "shared::cta", "b16"});
  expect_arguments(arguments, 2, 2);
  if (parts.back() != "b16" || !has(parts, "m8n8") || space_of(parts) != Space::shared)
    fail("an ldmatrix that is not known");
  instruction.control = Control::collective;
  instruction.kind = Kind::shared;
  instruction.space = Space::shared;
  instruction.elements = has(parts, "x4") ? 4 : has(parts, "x2") ? 2 : 1;
  const Words values = in_braces(arguments[0]);
  expect_arguments(values, instruction.elements, instruction.elements);
  for (std::size_t i = 0; i < values.size(); ++i) instruction.destinations[i] = destination(values[i], 4);
  address(arguments[1], instruction, instruction.sources[0], instruction.offset);
  instruction.run = ldmatrix_handler(has(parts, "trans"));
}

// cvta.shared: to generic; cvta.to.shared: back. Global addresses are generic ones.
void Decoder::convert_address(Instruction& instruction, const Words& parts, const Words& arguments) {
  allow(parts, {"to", "global", "shared", "local", "param", "u64"});
  expect_arguments(arguments, 2, 2);
  const Space space = space_of(parts);
  const u64 window = space == Space::shared      ? shared_window
                     : space == Space::local     ? local_window
                     : space == Space::parameter ? parameter_window
                                                 : 0;
  const Operation* const operation = find_operation(window == 0        ? "mov.b64"
                                                    : has(parts, "to") ? "sub.u64"
                                                                       : "add.u64");
  instruction.run = operation->run;
  instruction.kind = Kind::integer;
  instruction.destinations[0] = destination(arguments[0], 8);
  instruction.sources[0] = source(arguments[1], 8);
  instruction.sources[1] = constant(window, 8);
}

}  // namespace xr::software_gpu
