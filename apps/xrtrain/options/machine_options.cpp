#include "apps/xrtrain/options/machine_options.h"

#include <fmt/core.h>

#include <functional>
#include <utility>
#include <vector>

#include "apps/command_line/backend_names.h"
#include "apps/xrtrain/console.h"
#include "apps/xrtrain/options/options.h"
#include "kernels/common/parallel.h"

namespace xr::apps {

namespace {

/// What is to be said of the choice of a device.
struct MachineNotes {
  std::vector<std::pair<const char*, std::string>> lines;  // kind, text

  void add(const char* kind, const std::string& text) {
    if (!text.empty()) lines.emplace_back(kind, text);
  }
  void print() const {
    for (const auto& [kind, text] : lines) print_aside(kind, text);
  }
};

/// The device of the options, configured; `own` is that of this rank.
kernels::Device configure_machine(const MachineOptions& options, MachineNotes& notes,
                                  const std::function<kernels::Device(const kernels::Device&)>& own) {
  std::string why_not_the_gpu;
  const kernels::Device chosen = own(choose_device(options.device, &why_not_the_gpu));
  if (!why_not_the_gpu.empty()) notes.add("warning", why_not_the_gpu + " (--device auto uses the CPU)");
  if (configure_device(chosen, options.precision, options.kernel_choice) != options.precision)
    notes.add("warning", without_bf16);
  notes.add("note", simulation_text(chosen));
  return chosen;
}

}  // namespace

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
  MachineNotes notes;
  const kernels::Device chosen =
      configure_machine(*this, notes, [](const kernels::Device& found) { return found; });
  notes.print();
  if (threads > 0) kernels::set_thread_count(static_cast<int>(threads));
  return chosen;
}

kernels::Device MachineOptions::apply(Ranks& ranks) const {
  MachineNotes notes;
  const kernels::Device chosen = configure_machine(
      *this, notes, [&](const kernels::Device& found) { return ranks.own_device(found, device); });
  if (ranks.is_first()) notes.print();
  (void)ranks.set_threads(threads, 1);
  ranks.require_same({{"device", kernels::backend(chosen).description()}});
  return chosen;
}

void WaitOption::add(command_line::Command command) {
  command.option("--timeout", seconds, "With mpirun: seconds that a rank waits for another before all end")
      .show_default()
      .range(1.0, 1e5)
      .group("Machine");
}

}  // namespace xr::apps
