// xrbench: how fast the engine is, beside the alternatives. What is wrong is said in one line on standard
// error; the exit status is 0 done, 1 failed or a kernel is wrong, 2 wrong usage, a device that is not there
// included.
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <iostream>
#include <string>

#include "apps/command_line/backend_names.h"
#include "apps/command_line/errors.h"
#include "apps/command_line/remedies.h"
#include "apps/xrbench/kernels_command.h"
#include "apps/xrbench/machine.h"
#include "apps/xrbench/reduction.h"
#include "apps/xrbench/step.h"
#include "model/model.h"

namespace {

void add_step(xr::command_line::Command program, xr::bench::StepSettings& settings, std::string& device) {
  xr::command_line::Command step = program.subcommand("step", "Time whole training steps on random images");
  settings.model.name = "report_cnn";
  step.option("--model", settings.model.name, fmt::format("{}", fmt::join(xr::model::model_names(), ", ")))
      .show_default();
  step.option("--batch-size", settings.batch_size, "Images in a batch").show_default();
  step.option("--image-size", settings.model.image_size, "Pixels").show_default();
  step.option("--channels", settings.model.channels, "1 (grey) or 3 (colour)").show_default();
  step.option("--padding", settings.model.padding, "Padding of report_cnn's first convolution")
      .show_default();
  step.option("--dropout", settings.model.dropout, "Probability").show_default();
  step.option("--lr", settings.learning_rate, "Adam's learning rate").show_default();
  step.option("--seed", settings.model.seed, "Random seed of weights, images and dropout").show_default();
  step.option("--device", device, "cpu, cuda, cuda:N or simt").show_default();
  step.choice("--precision", settings.backend.precision, xr::command_line::precision_names(),
              "fp32, tf32 or bf16");
  step.choice("--kernels", settings.backend.kernels, xr::command_line::kernel_choice_names(),
              "auto, custom or cudnn");
  step.flag("--inference", settings.inference,
            "Time the forward pass in evaluation, with batch norms folded into the convolutions");
  step.flag("--cuda-graph,!--no-cuda-graph", settings.cuda_graph,
            "Record the step and replay it, where the device can");
  step.option("--threads", settings.threads, "CPU threads; 0: all cores").show_default();
  step.option("--warm-up", settings.warm_up, "Steps before timing").show_default();
  step.option("--steps", settings.steps, "Timed steps").show_default();
  step.option("--block", settings.block,
              "Steps between two looks at the clock, which wait for the device; 0: 10 on cuda, else 1")
      .show_default();
  step.option("--write-state", settings.write_state, "Write initial weights, input and labels (safetensors)");
  step.flag("--serve", settings.serve, "Obey 'step K' and 'quit' on standard input, answer in JSON");
  step.flag("--profile", settings.profile,
            "Then as many steps again, call by call: times, and operands that a library has converted");
  xr::bench::add_counters(step, settings.counters);
  step.flag("--json", settings.json, "Print JSON");
}

int run(int argc, char** argv) {
  xr::command_line::Program program("Benchmarks of the xrtrain engine", "xrbench");
  program.subcommands(1, 1);
  program.version([] { return "xrbench of commit " + xr::bench::commit(); }, "Print the commit");
  xr::bench::StepSettings settings;
  std::string device = "cpu";
  add_step(program.command(), settings, device);
  xr::bench::KernelsSettings kernels;
  const xr::command_line::Command kernels_command = xr::bench::add_kernels(program.command(), kernels);
  xr::bench::ReductionSettings reduction;
  const xr::command_line::Command reduction_command = xr::bench::add_reduction(program.command(), reduction);
  const xr::command_line::Parsed parsed = program.parse(argc, argv);
  if (parsed.outcome == xr::command_line::Parsed::Outcome::text_wanted) {
    std::cout << parsed.text;
    return 0;
  }
  if (parsed.outcome != xr::command_line::Parsed::Outcome::accepted) {
    std::cerr << parsed.message << "\nRun with --help for more information.\n";
    return 2;
  }
  if (kernels_command.chosen()) {
    xr::bench::run_kernels(kernels, std::cout);
    return 0;
  }
  if (reduction_command.chosen()) {
    xr::bench::run_reduction(reduction, std::cout);
    return 0;
  }
  settings.model.device = xr::command_line::errors_as<xr::command_line::UsageError>(
      [&] { return xr::kernels::Device::parse(device); });
  xr::bench::run_step(settings);
  return 0;
}

int tell(int status, const std::string& message) {
  std::fputs("xrbench: error: ", stderr);
  std::fputs(message.c_str(), stderr);
  std::fputs("\n", stderr);
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const xr::command_line::UsageError& error) {
    return tell(2, xr::command_line::with_remedy(error));
  } catch (const xr::Error& error) {
    return tell(1, xr::command_line::with_remedy(error));
  } catch (const std::exception& error) {
    return tell(1, error.what());
  }
}
