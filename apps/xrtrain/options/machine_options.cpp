#include "apps/xrtrain/options/machine_options.h"

#include <fmt/core.h>

#include "apps/command_line/backend_names.h"
#include "apps/xrtrain/console.h"
#include "apps/xrtrain/options/options.h"
#include "kernels/common/parallel.h"

namespace xr::apps {

void MachineOptions::add(command_line::Command command, const char* default_batch) {
  const char* group = "Machine";
  command.option("--device", device, "auto, cpu, cuda, cuda:N or simt; auto: the GPU if there is one")
      .type_name("DEVICE")
      .show_default()
      .group(group);
  command
      .choice("--precision", precision, command_line::precision_names(),
              "Precision of activations and matrix products")
      .group(group);
  command
      .choice("--kernels", kernel_choice, command_line::kernel_choice_names(),
              "auto: hand-written kernels, with cuDNN and cuBLAS as fallback (cuda)")
      .group(group);
  command.option("--threads", threads, "Compute threads; 0: one per core")
      .show_default()
      .range(0, 1024)
      .group(group);
  command.option("--workers", workers, "Threads that decode images; 0: one per core")
      .show_default()
      .range(0, 256)
      .group(group);
  command.option("--batch-size", batch_size, "Images per batch")
      .range(1, 65536)
      .show_default(default_batch)
      .group(group);
}

std::string simulation_text(const kernels::Device& device) {
  const kernels::Backend& backend = kernels::backend(device);
  if (!backend.is_simulated()) return {};
  return fmt::format("{} is simulated, and times mean nothing: {}", device.to_string(),
                     backend.description());
}

kernels::Device MachineOptions::apply() const {
  std::string why_not_the_gpu;
  const kernels::Device chosen = choose_device(device, &why_not_the_gpu);
  if (!why_not_the_gpu.empty()) print_aside("warning", why_not_the_gpu + " (--device auto uses the CPU)");
  if (configure_device(chosen, precision, kernel_choice) != precision) print_aside("warning", without_bf16);
  if (const std::string text = simulation_text(chosen); !text.empty()) print_aside("note", text);
  if (threads > 0) kernels::set_thread_count(static_cast<int>(threads));
  return chosen;
}

}  // namespace xr::apps
