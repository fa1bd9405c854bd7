#include "apps/xrtrain/options/machine_options.h"

#include <fmt/core.h>

#include <cstdio>

#include "apps/command_line/backend_names.h"
#include "apps/text/text.h"
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
              "Precision of activations and products")
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

kernels::Device MachineOptions::apply() const {
  std::string why_not_the_gpu;
  const kernels::Device chosen = choose_device(device, &why_not_the_gpu);
  if (!why_not_the_gpu.empty())
    (void)std::fputs(
        fmt::format("xrtrain: warning: {} (--device auto uses the CPU)\n", text::one_line(why_not_the_gpu))
            .c_str(),
        stderr);
  if (configure_device(chosen, precision, kernel_choice) != precision)
    (void)std::fputs(fmt::format("xrtrain: warning: {}\n", without_bf16).c_str(), stderr);
  if (const kernels::Backend& backend = kernels::backend(chosen); backend.is_simulated())
    print_aside("note", fmt::format("{} is simulated, and times mean nothing: {}", chosen.to_string(),
                                    backend.description()));
  if (threads > 0) kernels::set_thread_count(static_cast<int>(threads));
  return chosen;
}

}  // namespace xr::apps
