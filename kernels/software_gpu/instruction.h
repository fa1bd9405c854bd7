// What a decoded kernel is: instructions with a handler and the places of their operands.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/software_gpu/allocations.h"
#include "kernels/software_gpu/kinds.h"
#include "kernels/software_gpu/widths.h"

namespace xr::software_gpu {

/// Lanes of a warp are the bits of a mask.
constexpr u32 all_lanes = ~u32{0};
/// No operand, no instruction.
constexpr u32 nowhere = ~u32{0};

struct Warp;
struct Instruction;
/// Does the instruction for these lanes, at least one.
using Handler = void (*)(Warp&, const Instruction&, u32 lanes);

/// What the scheduler has to know: collective instructions wait for the lanes of their mask.
enum class Control : u8 { none, branch, exit, barrier, collective };
enum class Space : u8 { generic, global, shared, local, parameter };
/// An operand's place: a byte offset, and in the lowest bit whose: 0 the warp's registers, 1 the constants.
using Operand = u32;

struct Instruction {
  Handler run = nullptr;
  Operand destinations[4]{nowhere, nowhere, nowhere, nowhere};
  Operand sources[10]{nowhere, nowhere, nowhere, nowhere, nowhere,
                      nowhere, nowhere, nowhere, nowhere, nowhere};
  s64 offset = 0;         ///< of an address; a branch's target; an immediate number
  s32 second_offset = 0;  ///< of the second address
  u32 guard = nowhere;    ///< the predicate of "@p"
  u8 elements = 1;        ///< of a vector; how setp combines its result: 0 not, 1 and, 2 or, 3 xor
  u8 bytes = 0;           ///< of an element
  bool guard_negated = false, address_is_64 = false, has_second_destination = false;
  bool members_in_source = false;  ///< a collective's mask of lanes is source 9
  Control control = Control::none;
  Space space = Space::generic;
  Kind kind = Kind::integer;
  u32 line = 0;  ///< of the PTX
  u32 file = 0, source_line = 0;
  u32 text = 0;  ///< index into Kernel::texts
};

/// What one instruction did.
struct Counter {
  u64 executed = 0, lanes = 0;                                    ///< by warps; the sum of their lanes
  u64 requests = 0, sectors = 0, ideal_sectors = 0;               ///< global: sectors of 32 bytes
  u64 shared_requests = 0, wavefronts = 0, ideal_wavefronts = 0;  ///< shared: passes over the banks

  Counter& operator+=(const Counter& other) {
    executed += other.executed, lanes += other.lanes;
    requests += other.requests, sectors += other.sectors, ideal_sectors += other.ideal_sectors;
    shared_requests += other.shared_requests, wavefronts += other.wavefronts;
    ideal_wavefronts += other.ideal_wavefronts;
    return *this;
  }
};

/// `reached` leaves a Counter's requests, sectors and wavefronts at zero, which takes less time.
enum class Counting : u8 { none, reached, all };

struct Parameter {
  u32 offset, size;
};

/// A special register that the kernel reads, and its place.
struct SpecialRegister {
  std::string name;
  u32 offset;
};

/// The mask or limit of a test whether an index has less than 32 bits: a constant of the kernel, what the PTX says, and
/// what fewer indexes pass. XR_GPU_WIDE_INDEXES lets launches take turns.
struct IndexTest {
  u32 place;
  u64 narrow, wide;
};

struct Kernel {
  std::string name, title;  ///< as in the PTX, and for people
  std::string_view module;  ///< the PTX that it is of; lives as long as the program
  std::vector<Instruction> code;
  std::vector<std::string> texts;
  std::vector<u32> constants;  ///< immediate numbers, a value per lane
  std::vector<IndexTest> index_tests;
  u32 register_bytes = 0;  ///< of a warp
  std::vector<SpecialRegister> specials;
  std::vector<Parameter> parameters;
  u32 parameter_bytes = 0, static_shared = 0, local_bytes = 0;
  u32 max_threads = 1024;  ///< of a block
  std::vector<std::unique_ptr<GlobalVariable>> globals;
  std::map<u32, std::string> files;
  std::vector<Counter> counters;  ///< of all launches that were counted, by instruction
  u64 launches = 0, blocks = 0;
  double seconds = 0;

  /// One of 8 bytes.
  void set_constant(u32 place, u64 bits) {
    for (u32 lane = 0; lane < 32; ++lane) {
      constants[place / 4 + 2 * lane] = static_cast<u32>(bits);
      constants[place / 4 + 2 * lane + 1] = static_cast<u32>(bits >> 32);
    }
  }
};

}  // namespace xr::software_gpu
