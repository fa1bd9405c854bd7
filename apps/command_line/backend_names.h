// How both programs name what a backend can be told.
#pragma once

#include "apps/command_line/command_line.h"
#include "kernels/backend.h"

namespace xr::command_line {

[[nodiscard]] inline Names<kernels::Precision> precision_names() {
  using kernels::Precision;
  return {{"fp32", Precision::fp32}, {"tf32", Precision::tf32}, {"bf16", Precision::bf16}};
}

[[nodiscard]] inline Names<kernels::KernelChoice> kernel_choice_names() {
  using kernels::KernelChoice;
  return {
      {"auto", KernelChoice::automatic}, {"custom", KernelChoice::custom}, {"cudnn", KernelChoice::cudnn}};
}

}  // namespace xr::command_line
