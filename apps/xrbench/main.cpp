// xrbench: how fast the engine is, beside the alternatives.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <string>

#include "apps/xrbench/step.h"

namespace {

void add_step(CLI::App& app, xr::bench::StepSettings& settings, std::string& device) {
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
  step->add_option("--device", device, "cpu, cuda, cuda:N or simt")->capture_default_str();
  step->add_option("--threads", settings.threads, "CPU threads; 0: all cores")->capture_default_str();
  step->add_option("--warm-up", settings.warm_up, "Steps before timing")->capture_default_str();
  step->add_option("--steps", settings.steps, "Timed steps")->capture_default_str();
  step->add_option("--write-state", settings.write_state,
                   "Write initial weights, input and labels (safetensors)");
  step->add_flag("--serve", settings.serve, "Obey 'step K' and 'quit' on standard input, answer in JSON");
  step->add_flag("--json", settings.json, "Print JSON");
}

int run(int argc, char** argv) {
  CLI::App app("Benchmarks of the xrtrain engine", "xrbench");
  app.require_subcommand(1);
  xr::bench::StepSettings settings;
  std::string device = "cpu";
  add_step(app, settings, device);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  settings.model.device = xr::kernels::Device::parse(device);
  xr::bench::run_step(settings);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fputs("xrbench: error: ", stderr);
    std::fputs(error.what(), stderr);
    std::fputs("\n", stderr);
    return 1;
  }
}
