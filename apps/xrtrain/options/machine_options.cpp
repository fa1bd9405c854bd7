#include "apps/xrtrain/options/machine_options.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "apps/text/text.h"
#include "apps/xrtrain/options/options.h"
#include "kernels/common/parallel.h"

namespace xr::apps {

void MachineOptions::add(CLI::App& command) {
  const char* group = "The machine";
  command.add_option("--device", device, "auto, cpu, cuda, cuda:N or simt")
      ->capture_default_str()
      ->group(group);
  command.add_option("--precision", precision, "Arithmetic")
      ->capture_default_str()
      ->check(CLI::IsMember({"fp32", "tf32", "bf16"}))
      ->group(group);
  command
      .add_option("--kernels", kernels, "auto: own kernels, cuDNN and cuBLAS where no fast one fits (cuda)")
      ->capture_default_str()
      ->check(CLI::IsMember({"auto", "custom", "cudnn"}))
      ->group(group);
  command.add_option("--threads", threads, "Threads that compute; 0 is one per processor core")
      ->capture_default_str()
      ->check(CLI::Range(0, 1024))
      ->group(group);
  command.add_option("--workers", workers, "Threads that decode images; 0 is one per processor core")
      ->capture_default_str()
      ->check(CLI::Range(0, 256))
      ->group(group);
  command.add_option("--batch-size", batch_size, "Images at a time")
      ->capture_default_str()
      ->check(CLI::Range(1, 65536))
      ->group(group);
}

kernels::Device MachineOptions::apply() const {
  std::string why_not_the_gpu;
  const kernels::Device chosen = choose_device(device, &why_not_the_gpu);
  if (!why_not_the_gpu.empty())
    (void)std::fputs(
        fmt::format("xrtrain: warning: {} (--device auto uses the CPU)\n", one_line(why_not_the_gpu)).c_str(),
        stderr);
  configure_device(chosen, precision, kernels);
  if (threads > 0) xr::kernels::cpu::set_thread_count(static_cast<int>(threads));
  return chosen;
}

}  // namespace xr::apps
