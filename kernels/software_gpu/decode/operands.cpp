// Registers, constants and addresses.
#include <bit>
#include <cctype>
#include <cstdlib>

#include "kernels/software_gpu/decode/decoder.h"
#include "kernels/software_gpu/decode/text.h"
#include "kernels/software_gpu/execution/worker.h"

namespace xr::software_gpu {

using std::string;
using std::string_view;

bool read_number(const string& text, u64& bits, u8 width) {
  if (text.starts_with("0f") || text.starts_with("0F")) {
    bits = std::stoull(text.substr(2), nullptr, 16);
    if (width == 8)
      bits = std::bit_cast<u64>(static_cast<double>(std::bit_cast<float>(static_cast<u32>(bits))));
    return true;
  }
  if (text.starts_with("0d") || text.starts_with("0D")) {
    bits = std::stoull(text.substr(2), nullptr, 16);
    return true;
  }
  const bool negative = text.starts_with('-');
  const string digits = negative ? text.substr(1) : text;
  if (digits.empty() || std::isdigit(static_cast<unsigned char>(digits[0])) == 0) return false;
  bits = std::stoull(digits, nullptr, 0);
  if (negative) bits = 0 - bits;
  return true;
}

// ".b32 %r<12>" or ".pred p, q". Registers of 16 bits take 32.
void Decoder::declare_registers(string_view text) {
  const std::size_t space = text.find_first_of(" \t");
  const string_view type = text.substr(1, space - 1);
  if (!is_type(type)) fail("registers of a type that is not known");
  const u8 width = bytes_of(type) == 8 ? 8 : type == "pred" ? 1 : 4;
  for (const string& one : operands_of(text.substr(space))) {
    const std::size_t open = one.find('<');
    if (open == string::npos) {
      new_register(one, width);
      continue;
    }
    const int count = std::atoi(one.c_str() + open + 1);
    for (int i = 0; i < count; ++i) declared_[one.substr(0, open) + std::to_string(i)] = width;
  }
}

u32 Decoder::reserve(u32 bytes) {
  const u32 at = place_;
  place_ += bytes;
  return at;
}

// Predicates have a bit per lane, others a value per lane. A name may come again, in another "{ .reg .b16 tmp; ... }".
const Decoder::Register& Decoder::new_register(const string& name, u8 width) {
  u32 place = 0;
  if (width != 1) {
    place = reserve(width * 32u);
  } else {
    if (predicates_left_ == 0) predicates_ = reserve(64), predicates_left_ = 16;
    place = predicates_ + 4 * --predicates_left_;
  }
  widths_[place] = width;
  return registers_[name] = {place, width};
}

void Decoder::temporary(const string& name, u8 width) {
  if (!registers_.contains(name)) new_register(name, width);
}

const Decoder::Register* Decoder::find_register(const string& name) {
  if (const auto known = registers_.find(name); known != registers_.end()) return &known->second;
  if (const auto declared = declared_.find(name); declared != declared_.end())
    return &new_register(name, declared->second);
  if (!is_special_register(name)) return nullptr;
  const Register& special = new_register(name, 4);
  kernel_->specials.push_back({name, special.place});
  return &special;
}

Operand Decoder::constant(u64 bits, u8 width) {
  const auto key = std::pair(bits, width);
  if (const auto known = constants_.find(key); known != constants_.end()) return known->second;
  if (width == 8) return constants_[key] = unshared_constant(bits);
  std::vector<u32>& all = kernel_->constants;
  const u32 at = static_cast<u32>(4 * all.size());
  if (width == 1) all.resize(all.size() + 16, bits != 0 ? all_lanes : 0);
  if (width != 1) all.resize(all.size() + 32, static_cast<u32>(bits));
  return constants_[key] = at | 1;
}

Operand Decoder::unshared_constant(u64 bits) {
  const u32 at = static_cast<u32>(4 * kernel_->constants.size());
  kernel_->constants.resize(kernel_->constants.size() + 64);
  kernel_->set_constant(at, bits);
  return at | 1;
}

Operand Decoder::source(const string& text, u8 width) {
  if (const Register* found = find_register(text)) {
    if (found->width != width) fail("register " + text + " has another width");
    return found->place;
  }
  u64 bits = 0;
  if (read_number(text, bits, width)) return constant(width == 4 ? bits & 0xffffffff : bits, width);
  const std::size_t plus = text.find('+');
  const auto variable = variables_.find(text.substr(0, plus));
  if (variable == variables_.end()) fail("operand " + text + " is not known");
  const s64 offset = plus == string::npos ? 0 : std::atoll(text.c_str() + plus + 1);
  return constant(variable->second.address + static_cast<u64>(offset), width);
}

Operand Decoder::destination(const string& text, u8 width) {
  if (text == "_") return discarded();
  const Register* const found = find_register(text);
  if (found == nullptr) fail("register " + text + " is not known");
  if (width != 0 && found->width != width) fail("register " + text + " has another width");
  return found->place;
}

Operand Decoder::discarded() {
  if (discarded_ == nowhere) discarded_ = reserve(256);
  return discarded_;
}

void Decoder::address(const string& text, Instruction& instruction, Operand& base, s64& offset) {
  string_view inner = trim(text);
  if (inner.size() < 2 || inner.front() != '[') fail(text + " is not an address");
  inner = trim(inner.substr(1, inner.size() - 2));
  const std::size_t plus = inner.find('+');
  const string name(trim(inner.substr(0, plus)));
  offset = plus == string_view::npos ? 0 : std::atoll(string(inner.substr(plus + 1)).c_str());
  if (const Register* const found = find_register(name)) {
    base = found->place;
    instruction.address_is_64 = found->width == 8;
    return;
  }
  u64 bits = 0;
  if (const auto variable = variables_.find(name); variable != variables_.end())
    bits = variable->second.address;
  else if (!read_number(name, bits, 8))
    fail("address " + text + " is not known");
  base = constant(0, 8);
  instruction.address_is_64 = true;
  offset += static_cast<s64>(bits);
}

void Decoder::add(Instruction instruction, string_view text) {
  instruction.line = line_;
  instruction.file = file_;
  instruction.source_line = source_line_;
  instruction.text = static_cast<u32>(kernel_->texts.size());
  kernel_->texts.emplace_back(text);
  kernel_->code.push_back(instruction);
}

void Decoder::fail(const string& what) const {
  throw NotSupported(kernel_->title + ", PTX line " + std::to_string(line_) + ": " + what + ": " + text_);
}

}  // namespace xr::software_gpu
