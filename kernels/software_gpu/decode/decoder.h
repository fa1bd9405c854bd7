// Decodes one entry of a PTX module; the parts of the class lie in module.cpp, operands.cpp, instructions.cpp, transfers.cpp,
// calls.cpp and arithmetic.cpp.
#pragma once

#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "kernels/software_gpu/block.h"
#include "kernels/software_gpu/handlers.h"
#include "kernels/software_gpu/instruction.h"

namespace xr::software_gpu {

class Decoder {
 public:
  Decoder(std::string_view module, std::string_view entry);
  std::unique_ptr<Kernel> take() { return std::move(kernel_); }

 private:
  using Words = std::vector<std::string>;

  struct Register {
    u32 place;
    u8 width;  ///< 1: predicate, 4, 8
  };
  struct Variable {
    u64 address;  ///< in its space
    u64 size;
  };

  // --- the module (module.cpp)
  void find_files();
  void find_entry();
  void place_variables();
  void declare(std::string_view declaration, u64& end);
  void header();
  void body();
  void directive();
  void locate();
  void statement();
  void read_instruction(const std::string& whole);
  void resolve_jumps();
  void finish();

  // --- operands (operands.cpp)
  void declare_registers(std::string_view text);
  u32 reserve(u32 bytes);
  const Register& new_register(const std::string& name, u8 width);
  void temporary(const std::string& name, u8 width);
  const Register* find_register(const std::string& name);
  Operand constant(u64 bits, u8 width);
  Operand unshared_constant(u64 bits);  ///< of 8 bytes
  /// A register, a number, or a variable's address.
  Operand source(const std::string& text, u8 width);
  Operand destination(const std::string& text, u8 width);
  /// For "_".
  Operand discarded();
  /// [register+offset], [variable+offset] or [number]
  void address(const std::string& text, Instruction& instruction, Operand& base, s64& offset);
  void add(Instruction instruction, std::string_view text);
  [[noreturn]] void fail(const std::string& what) const;

  // --- instructions by their opcode; each throws for modifiers that it does not know (instructions.cpp)
  void decode(Instruction& instruction, const Words& parts, const Words& arguments);
  /// All parts after the opcode must be among these.
  void allow(const Words& parts, std::initializer_list<std::string_view> modifiers) const;
  void expect_arguments(const Words& arguments, std::size_t least, std::size_t most) const;
  void control_flow(Instruction& instruction, const Words& parts, const Words& arguments);
  void barrier(Instruction& instruction, const Words& parts, const Words& arguments);
  void fence(Instruction& instruction, const Words& parts) const;
  void shuffle(Instruction& instruction, const Words& parts, const Words& arguments);
  void vote(Instruction& instruction, const Words& parts, const Words& arguments);
  void mma(Instruction& instruction, const Words& parts, const Words& arguments);

  // --- memory (transfers.cpp)
  void access(Instruction& instruction, const Words& parts, const Words& arguments);
  void atomic(Instruction& instruction, const Words& parts, const Words& arguments);
  void async_copy(Instruction& instruction, const Words& parts, const Words& arguments);
  void matrix_load(Instruction& instruction, const Words& parts, const Words& arguments);
  void convert_address(Instruction& instruction, const Words& parts, const Words& arguments);

  // --- printf and assert (calls.cpp)
  void place_global(std::string_view declaration);
  void call_parameter(std::string_view declaration);
  [[nodiscard]] bool is_call_parameter(const std::string& address) const;
  void call(Instruction& instruction, const Words& parts, const Words& arguments);

  // --- arithmetic (arithmetic.cpp)
  void move_vector(Instruction& instruction, const Words& arguments);
  void compare(Instruction& instruction, const Words& parts, const Words& arguments);
  void arithmetic(Instruction& instruction, const Words& parts, const Words& arguments);
  void find_index_test(Instruction& comparison, const Words& parts, const Words& arguments);

  std::string_view module_;
  std::unique_ptr<Kernel> kernel_;
  std::string text_;  ///< the instruction or directive that is read
  std::size_t at_ = 0, entry_end_ = 0;
  u32 line_ = 1, file_ = 0, source_line_ = 0;
  u32 place_ = 0, predicates_ = 0, predicates_left_ = 0, discarded_ = nowhere;
  u64 shared_end_ = shared_start, local_end_ = 0;
  std::unordered_map<u32, u8> widths_;  ///< of all registers, by place
  std::unordered_map<std::string, Register> registers_;
  std::unordered_map<std::string, u8> declared_;  ///< registers that nobody used yet, and their widths
  std::unordered_map<std::string, Variable> variables_;
  std::unordered_set<std::string> call_parameters_;
  std::unordered_map<std::string, u32> labels_;
  std::vector<std::pair<std::size_t, std::string>> jumps_;
  std::map<std::pair<u64, u8>, Operand> constants_;
};

}  // namespace xr::software_gpu
