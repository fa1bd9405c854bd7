// xrbench: how fast the engine is, beside the alternatives. What is wrong is said in one line on standard
// error; the exit status is 0 done, 1 failed or a kernel is wrong, 2 wrong usage, a device that is not there
// included.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <iostream>
#include <map>
#include <string>

#include "apps/xrbench/errors.h"
#include "apps/xrbench/kernels_command.h"
#include "apps/xrbench/machine.h"
#include "apps/xrbench/step.h"

namespace {

using xr::kernels::KernelChoice;
using xr::kernels::Precision;

const std::map<std::string, Precision> precisions{
    {"fp32", Precision::fp32}, {"tf32", Precision::tf32}, {"bf16", Precision::bf16}};
const std::map<std::string, KernelChoice> kernel_choices{
    {"auto", KernelChoice::automatic}, {"custom", KernelChoice::custom}, {"cudnn", KernelChoice::cudnn}};

/// As given on the command line.
struct Machine {
  std::string device = "cpu", precision = "fp32", kernels = "auto";
};

void add_step(CLI::App& app, xr::bench::StepSettings& settings, Machine& machine) {
  CLI::App* step = app.add_subcommand("step", "Time whole training steps on random images");
  settings.model.name = "report_cnn";
  step->add_option("--model", settings.model.name, "report_cnn or xray_resnet")->capture_default_str();
  step->add_option("--batch-size", settings.batch_size, "Images in a batch")->capture_default_str();
  step->add_option("--image-size", settings.model.image_size, "Pixels")->capture_default_str();
  step->add_option("--channels", settings.model.channels, "1 (grey) or 3 (colour)")->capture_default_str();
  step->add_option("--padding", settings.model.padding, "Of report_cnn's first convolution")
      ->capture_default_str();
  step->add_option("--dropout", settings.model.dropout, "Probability")->capture_default_str();
  step->add_option("--lr", settings.learning_rate, "Adam's learning rate")->capture_default_str();
  step->add_option("--seed", settings.model.seed, "Of weights, images and dropout")->capture_default_str();
  step->add_option("--device", machine.device, "cpu, cuda, cuda:N or simt")->capture_default_str();
  step->add_option("--precision", machine.precision, "fp32, tf32 or bf16")
      ->check(CLI::IsMember(precisions))
      ->capture_default_str();
  step->add_option("--kernels", machine.kernels, "auto, custom or cudnn")
      ->check(CLI::IsMember(kernel_choices))
      ->capture_default_str();
  step->add_flag("--cuda-graph,!--no-cuda-graph", settings.cuda_graph,
                 "Record the step and replay it, where the device can");
  step->add_option("--threads", settings.threads, "CPU threads; 0: all cores")->capture_default_str();
  step->add_option("--warm-up", settings.warm_up, "Steps before timing")->capture_default_str();
  step->add_option("--steps", settings.steps, "Timed steps")->capture_default_str();
  step->add_option("--block", settings.block,
                   "Steps between two looks at the clock, which wait for the device; 0: 10 on cuda, else 1")
      ->capture_default_str();
  step->add_option("--write-state", settings.write_state,
                   "Write initial weights, input and labels (safetensors)");
  step->add_flag("--serve", settings.serve, "Obey 'step K' and 'quit' on standard input, answer in JSON");
  step->add_flag("--json", settings.json, "Print JSON");
}

int run(int argc, char** argv) {
  CLI::App app("Benchmarks of the xrtrain engine", "xrbench");
  app.require_subcommand(1);
  app.set_version_flag("--version", "xrbench of commit " + xr::bench::commit(), "Print the commit and end");
  xr::bench::StepSettings settings;
  Machine machine;
  add_step(app, settings, machine);
  xr::bench::KernelsSettings kernels;
  const CLI::App* const kernels_command = xr::bench::add_kernels(app, kernels);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (kernels_command->parsed()) {
    xr::bench::run_kernels(kernels, std::cout);
    return 0;
  }
  settings.model.device =
      xr::bench::errors_of_usage([&] { return xr::kernels::Device::parse(machine.device); });
  settings.backend = {precisions.at(machine.precision), kernel_choices.at(machine.kernels)};
  xr::bench::run_step(settings);
  return 0;
}

int tell(int status, const char* message) {
  std::fputs("xrbench: error: ", stderr);
  std::fputs(message, stderr);
  std::fputs("\n", stderr);
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const xr::bench::UsageError& error) {
    return tell(2, error.what());
  } catch (const std::exception& error) {
    return tell(1, error.what());
  }
}
