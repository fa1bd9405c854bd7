// Arithmetic, comparisons and moves.
#include <algorithm>
#include <bit>

#include "kernels/software_gpu/decode/decoder.h"
#include "kernels/software_gpu/decode/text.h"
#include "kernels/software_gpu/options.h"

namespace xr::software_gpu {

using std::string;
using std::string_view;

namespace {

bool is_one_of(string_view text, std::initializer_list<string_view> all) {
  return std::find(all.begin(), all.end(), text) != all.end();
}

/// Whether the modifier is what the handler of the operation without it does: rounding to the nearest, which is more than
/// "approx" and "full" ask for.
bool is_default(string_view opcode, string_view modifier) {
  if (modifier == "rn") return is_one_of(opcode, {"add", "sub", "mul", "fma", "div", "sqrt", "rcp", "cvt"});
  if (modifier == "approx")
    return is_one_of(opcode, {"div", "rcp", "sqrt", "rsqrt", "ex2", "lg2", "sin", "cos"});
  return modifier == "full" && opcode == "div";
}

}  // namespace

// mov.b32 %r, {%rs1, %rs2}; mov.b64 {%r1, %r2}, %rd: as shifts and conversions.
void Decoder::move_vector(Instruction& instruction, const Words& arguments) {
  const auto emit = [&](const char* name, const string& to, u8 width,
                        std::initializer_list<std::pair<string, u8>> sources) {
    Instruction one;
    one.run = find_operation(name)->run;
    one.kind = Kind::move;
    one.guard = instruction.guard;
    one.guard_negated = instruction.guard_negated;
    one.destinations[0] = destination(to, width);
    std::size_t i = 0;
    for (const auto& [text, source_width] : sources) one.sources[i++] = source(text, source_width);
    add(one, name);
  };
  const bool packs = arguments[1][0] == '{';
  const Words halves = in_braces(arguments[packs ? 1 : 0]);
  const string& whole = arguments[packs ? 0 : 1];
  expect_arguments(halves, 2, 2);
  const Register* const found = find_register(whole);
  const bool is_64 = found != nullptr && found->width == 8;
  const bool low_used = halves[0] != "_", high_used = halves[1] != "_";
  temporary("%low", 8), temporary("%high", 8), temporary("%low half", 4), temporary("%high half", 4);
  if (!packs && is_64) {
    emit("shr.u64", "%high", 8, {{whole, 8}, {"32", 4}});
    if (low_used) emit("cvt.u32.u64", halves[0], 4, {{whole, 8}});
    if (high_used) emit("cvt.u32.u64", halves[1], 4, {{"%high", 8}});
  } else if (!packs) {
    emit("shr.u32", "%high half", 4, {{whole, 4}, {"16", 4}});
    if (low_used) emit("and.b32", halves[0], 4, {{whole, 4}, {"65535", 4}});
    if (high_used) emit("mov.b32", halves[1], 4, {{"%high half", 4}});
  } else if (is_64) {
    emit("cvt.u64.u32", "%low", 8, {{halves[0], 4}});
    emit("cvt.u64.u32", "%high", 8, {{halves[1], 4}});
    emit("shl.b64", "%high", 8, {{"%high", 8}, {"32", 4}});
    emit("or.b64", whole, 8, {{"%low", 8}, {"%high", 8}});
  } else {
    emit("and.b32", "%low half", 4, {{halves[0], 4}, {"65535", 4}});
    emit("shl.b32", "%high half", 4, {{halves[1], 4}, {"16", 4}});
    emit("or.b32", whole, 4, {{"%low half", 4}, {"%high half", 4}});
  }
  instruction.run = no_operation();
  instruction.kind = Kind::move;
}

// nvcc divides 64-bit numbers below 2^32 in 32 bits, and so does divide() of the kernels:
//
//   or.b64      %rd3, %rd1, %rd2;           (in nvcc's test, which may follow that of divide())
//   and.b64     %rd4, %rd3, -4294967296;    (a mask of fewer bits if %rd3 is a product)
//   setp.eq.s64 %p1, %rd4, 0;
//
// For sm_100 and later the test of divide() is one instruction, setp.lt.u64 %p1, %rd1, 4294967296 or setp.gt.u64 with
// one less.
//
// Both ways give the same, so a smaller bound changes no result. nvcc's is above the other, so that numbers between
// them take one long way and one short way.
void Decoder::find_index_test(Instruction& comparison, const Words& parts, const Words& arguments) {
  static constexpr int bound_bits = 2, bound_bits_of_nvcc = 4;
  // A constant of its own: launches change it.
  const auto add_test = [&](Instruction& with_constant, u64 narrow, u64 wide) {
    const Operand place = with_constant.sources[1] = unshared_constant(narrow);
    kernel_->index_tests.push_back({place & ~Operand{1}, narrow, wide});
  };
  const std::vector<string>& texts = kernel_->texts;
  if (parts.size() != 3) return;
  u64 limit = 0;
  if (parts[2] == "u64" && (parts[1] == "lt" || parts[1] == "gt") && read_number(arguments[2], limit, 8)) {
    const u64 below = parts[1] == "gt" ? 1 : 0, power = limit + below;
    const int bits = std::countr_zero(power);
    if (std::has_single_bit(power) && bits >= 28 && bits <= 32)
      add_test(comparison, limit, (u64{1} << std::max(0, bound_bits - (32 - bits))) - below);
    return;
  }
  if (parts[2] != "s64" || arguments[2] != "0" || texts.empty()) return;
  const auto words_of = [](const string& text) {
    const std::size_t space = std::min(text.find(' '), text.size());
    Words words = operands_of(string_view(text).substr(space));
    words.insert(words.begin(), text.substr(0, space));
    return words;
  };
  const Words test = words_of(texts.back());
  u64 mask = 0;
  if (test.size() != 4 || test[0] != "and.b64" || test[1] != arguments[1] || !read_number(test[3], mask, 8))
    return;
  const int first = std::countr_zero(mask), bits = std::popcount(mask);
  if (first < 28 || first > 32 || first + bits < 60 || mask >> first != ~u64{0} >> (64 - bits)) return;
  const Words before = texts.size() < 2 ? Words() : words_of(texts[texts.size() - 2]);
  const bool of_nvcc = before.size() == 4 && before[0] == "or.b64" && before[1] == test[2];
  const int wide_first = std::max(0, (of_nvcc ? bound_bits_of_nvcc : bound_bits) - (32 - first));
  const u64 wide = mask | (~u64{0} << wide_first & ((u64{1} << first) - 1));
  add_test(kernel_->code.back(), mask, wide);
}

// setp.lt.s32 p, a, b; setp.lt.and.s32 p|q, a, b, c
void Decoder::compare(Instruction& instruction, const Words& parts, const Words& arguments) {
  const bool combines = parts.size() == 4;
  if (parts.size() != 3 && !combines) fail("a comparison that is not known");
  if (combines && !is_one_of(parts[2], {"and", "or", "xor"})) fail("modifier ." + parts[2] + " is not known");
  expect_arguments(arguments, combines ? 4 : 3, combines ? 4 : 3);
  instruction.elements = !combines ? 0 : parts[2] == "and" ? 1 : parts[2] == "or" ? 2 : 3;
  const Operation* const operation = find_operation("setp." + parts[1] + "." + parts.back());
  if (operation == nullptr) fail("a comparison that is not known");
  instruction.run = operation->run;
  instruction.kind = operation->kind;
  const std::size_t bar = arguments[0].find('|');
  instruction.destinations[0] = destination(arguments[0].substr(0, bar), 1);
  instruction.has_second_destination = bar != string::npos;
  if (bar != string::npos) instruction.destinations[1] = destination(arguments[0].substr(bar + 1), 1);
  for (std::size_t i = 0; i < 2; ++i)
    instruction.sources[i] = source(arguments[1 + i], operation->sources[i]);
  if (combines) instruction.sources[2] = source(arguments[3], 1);
  if (options().wide_indexes) find_index_test(instruction, parts, arguments);
}

void Decoder::arithmetic(Instruction& instruction, const Words& parts, const Words& arguments) {
  string name = parts[0];
  for (std::size_t i = 1; i < parts.size(); ++i)
    if (!is_default(parts[0], parts[i])) name += "." + parts[i];
  const Operation* const operation = find_operation(name);
  if (operation == nullptr) fail("an instruction that is not known");
  const auto sources = static_cast<std::size_t>(std::count_if(
      std::begin(operation->sources), std::end(operation->sources), [](u8 w) { return w != 0; }));
  expect_arguments(arguments, 1 + sources, 1 + sources);
  instruction.run = operation->run;
  instruction.kind = operation->kind;
  // cvt.s64.s32 %rd2, %rd1 takes the low half of a wider register.
  if (const Register* const wide = find_register(arguments[1]);
      parts[0] == "cvt" && wide != nullptr && wide->width == 8 && operation->sources[0] == 4) {
    const u32 place = wide->place;  // the temporary may move the registers
    temporary("%half", 4);
    Instruction half;
    half.run = find_operation("cvt.u32.u64")->run;
    half.kind = operation->kind;
    half.guard = instruction.guard;
    half.guard_negated = instruction.guard_negated;
    half.destinations[0] = destination("%half", 4);
    half.sources[0] = half.sources[1] = place;
    add(half, "cvt.u32.u64");
    return arithmetic(instruction, parts, {arguments[0], "%half"});
  }
  instruction.destinations[0] = destination(arguments[0], operation->destination);
  for (std::size_t i = 0; i < sources; ++i)
    instruction.sources[i] = source(arguments[1 + i], operation->sources[i]);
  if (sources == 1) instruction.sources[1] = instruction.sources[0];
}

}  // namespace xr::software_gpu
