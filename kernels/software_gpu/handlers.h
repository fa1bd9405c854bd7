// Where the decoder finds the handlers of instructions. A name that is not known gives null.
#pragma once

#include <string_view>

#include "kernels/software_gpu/instruction.h"

namespace xr::software_gpu {

/// Arithmetic: its handler and the widths of its operands (1: predicate; 4 or 8 bytes a lane).
struct Operation {
  Handler run = nullptr;
  Kind kind = Kind::integer;
  u8 destination = 0;
  u8 sources[4]{};
};

/// By canonical name, such as "add.f32".
const Operation* find_operation(std::string_view name);
/// How many instructions that XR_GPU_MUTATE changes were decoded.
u64 mutated_instructions();

Handler load_handler(int bytes, bool is_signed, bool wide_register);
Handler store_handler(int bytes, bool wide_register);
Handler atomic_handler(std::string_view operation, std::string_view type);
Handler async_copy_handler();
Handler async_commit_handler();
Handler async_wait_handler();
Handler ldmatrix_handler(bool transposed);
Handler mma_handler(std::string_view shape_and_types);
Handler shuffle_handler(std::string_view mode);
Handler vote_handler(std::string_view mode);
/// Of "vprintf" and "__assertfail".
Handler call_handler(std::string_view function);
Handler active_mask_handler();
Handler no_operation();

/// When a warp ends: a fault if its copies are still under way.
void finish_copies(Warp& warp);

}  // namespace xr::software_gpu
