// Instructions by their opcode, and those of control flow and of whole warps.
#include <algorithm>

#include "kernels/software_gpu/decode/decoder.h"
#include "kernels/software_gpu/decode/text.h"

namespace xr::software_gpu {

using std::string;
using std::string_view;

void Decoder::allow(const Words& parts, std::initializer_list<string_view> modifiers) const {
  for (std::size_t i = 1; i < parts.size(); ++i)
    if (std::find(modifiers.begin(), modifiers.end(), parts[i]) == modifiers.end())
      fail("modifier ." + parts[i] + " is not known");
}

void Decoder::expect_arguments(const Words& arguments, std::size_t least, std::size_t most) const {
  if (arguments.size() < least || arguments.size() > most) fail("another number of operands than is known");
}

void Decoder::decode(Instruction& instruction, const Words& parts, const Words& arguments) {
  const string& opcode = parts[0];
  if (opcode == "bra" || opcode == "ret" || opcode == "exit")
    return control_flow(instruction, parts, arguments);
  if (opcode == "bar" || opcode == "barrier") return barrier(instruction, parts, arguments);
  if (opcode == "membar" || opcode == "fence") return fence(instruction, parts);
  if (opcode == "ld" || opcode == "st") return access(instruction, parts, arguments);
  if (opcode == "atom" || opcode == "red") return atomic(instruction, parts, arguments);
  if (opcode == "cp") return async_copy(instruction, parts, arguments);
  if (opcode == "shfl") return shuffle(instruction, parts, arguments);
  if (opcode == "vote" || opcode == "activemask") return vote(instruction, parts, arguments);
  if (opcode == "mma") return mma(instruction, parts, arguments);
  if (opcode == "ldmatrix") return matrix_load(instruction, parts, arguments);
  if (opcode == "call") return call(instruction, parts, arguments);
  if (opcode == "cvta") return convert_address(instruction, parts, arguments);
  if (opcode == "setp") return compare(instruction, parts, arguments);
  if (opcode == "mov" && arguments.size() == 2 && (arguments[0][0] == '{' || arguments[1][0] == '{')) {
    allow(parts, {"b32", "b64"});
    return move_vector(instruction, arguments);
  }
  arithmetic(instruction, parts, arguments);
}

void Decoder::control_flow(Instruction& instruction, const Words& parts, const Words& arguments) {
  allow(parts, {"uni"});
  instruction.kind = Kind::control;
  if (parts[0] == "bra") {
    expect_arguments(arguments, 1, 1);
    instruction.control = Control::branch;
    jumps_.emplace_back(kernel_->code.size(), arguments[0]);
  } else {
    expect_arguments(arguments, 0, 0);
    instruction.control = Control::exit;
  }
}

// Barrier 0 of the whole block, or of the lanes of a warp.
void Decoder::barrier(Instruction& instruction, const Words& parts, const Words& arguments) {
  allow(parts, {"cta", "sync", "aligned", "warp"});
  expect_arguments(arguments, 1, 1);
  instruction.kind = Kind::warp;
  if (parts.size() == 3 && parts[1] == "warp" && parts[2] == "sync") {
    instruction.control = Control::collective;
    instruction.run = no_operation();
    instruction.members_in_source = true;
    instruction.sources[9] = source(arguments[0], 4);
    return;
  }
  if (arguments[0] != "0" || std::find(parts.begin(), parts.end(), "sync") == parts.end())
    fail("only barrier 0 of the whole block is known");
  instruction.control = Control::barrier;
}

// Memory is sequentially consistent here.
void Decoder::fence(Instruction& instruction, const Words& parts) const {
  allow(parts, {"sc", "acq_rel", "cta", "gl", "gpu", "sys"});
  instruction.run = no_operation();
  instruction.kind = Kind::async;
}

// shfl.sync.idx.b32 d|p, a, lane, clamp, members
void Decoder::shuffle(Instruction& instruction, const Words& parts, const Words& arguments) {
  expect_arguments(arguments, 5, 5);
  if (parts.size() != 4 || parts[1] != "sync" || parts[3] != "b32") fail("a shuffle that is not known");
  instruction.control = Control::collective;
  instruction.kind = Kind::warp;
  instruction.run = shuffle_handler(parts[2]);
  if (instruction.run == nullptr) fail("modifier ." + parts[2] + " is not known");
  const std::size_t bar = arguments[0].find('|');
  instruction.destinations[0] = destination(arguments[0].substr(0, bar), 4);
  instruction.has_second_destination = bar != string::npos;
  if (bar != string::npos) instruction.destinations[1] = destination(arguments[0].substr(bar + 1), 1);
  for (std::size_t i = 0; i < 3; ++i) instruction.sources[i] = source(arguments[1 + i], 4);
  instruction.members_in_source = true;
  instruction.sources[9] = source(arguments[4], 4);
}

// vote.sync.ballot.b32 d, p, members; vote.sync.any.pred q, p, members; activemask.b32 d
void Decoder::vote(Instruction& instruction, const Words& parts, const Words& arguments) {
  instruction.kind = Kind::warp;
  if (parts[0] == "activemask") {
    allow(parts, {"b32"});
    expect_arguments(arguments, 1, 1);
    instruction.run = active_mask_handler();
    instruction.destinations[0] = destination(arguments[0], 4);
    return;
  }
  expect_arguments(arguments, 3, 3);
  const bool ballot = parts.size() == 4 && parts[2] == "ballot" && parts[3] == "b32";
  const bool known = ballot || (parts.size() == 4 && parts[2] != "ballot" && parts[3] == "pred");
  if (!known || parts[1] != "sync" || arguments[1][0] == '!') fail("a vote that is not known");
  instruction.control = Control::collective;
  instruction.run = vote_handler(parts[2]);
  if (instruction.run == nullptr) fail("modifier ." + parts[2] + " is not known");
  instruction.destinations[0] = destination(arguments[0], ballot ? 4 : 1);
  instruction.sources[0] = source(arguments[1], 1);
  instruction.members_in_source = true;
  instruction.sources[9] = source(arguments[2], 4);
}

// mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {4 registers}, {4}, {2}, {4}
void Decoder::mma(Instruction& instruction, const Words& parts, const Words& arguments) {
  expect_arguments(arguments, 4, 4);
  string what;
  for (std::size_t i = 3; i < parts.size(); ++i) what += (i > 3 ? "." : "") + parts[i];
  instruction.control = Control::collective;
  instruction.kind = Kind::tensor;
  instruction.run = mma_handler(what);
  if (instruction.run == nullptr || parts[1] != "sync" || parts[2] != "aligned")
    fail("a matrix product that is not known");
  const std::size_t counts[] = {4, 4, 2, 4};
  std::size_t next = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const Words registers = in_braces(arguments[i]);
    expect_arguments(registers, counts[i], counts[i]);
    for (std::size_t r = 0; r < registers.size(); ++r)
      if (i == 0)
        instruction.destinations[r] = destination(registers[r], 4);
      else
        instruction.sources[next++] = source(registers[r], 4);
  }
}

}  // namespace xr::software_gpu
