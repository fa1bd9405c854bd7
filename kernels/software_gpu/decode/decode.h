// From the text of a PTX module to the instructions of a kernel.
#pragma once

#include <memory>
#include <string_view>

#include "kernels/software_gpu/instruction.h"

namespace xr::software_gpu {

/// Decodes one entry of a module. Throws NotSupported with kernel, line and instruction for what is not known.
std::unique_ptr<Kernel> decode(std::string_view module, std::string_view entry);

}  // namespace xr::software_gpu
