#include <memory>
#include <tuple>

#include "apps/xrtrain/commands/commands.h"
#include "apps/xrtrain/console.h"
#include "apps/xrtrain/errors.h"
#include "data/phantom/phantom.h"

namespace xr::apps {

namespace {

struct SynthOptions {
  std::string out;
  data::PhantomSettings settings;
  bool quiet = false;
};

const command_line::Names<data::PhantomShortcut> shortcuts = {
    {"border-brightness", data::PhantomShortcut::border_brightness},
    {"corner-marker", data::PhantomShortcut::corner_marker},
    {"format", data::PhantomShortcut::format},
    {"none", data::PhantomShortcut::none}};

int run_synth(const SynthOptions& options) {
  Console console({options.quiet, false, LogLevel::info});
  data::PhantomSettings settings = options.settings;
  settings.progress = [&](std::size_t done, std::size_t total) { console.progress("Drawing", done, total); };
  data::write_phantom_dataset(options.out, settings);
  console.line(fmt::format("Drew {} training and {} test images of {} x {} pixels into {}",
                           settings.train_covid + settings.train_normal,
                           settings.test_covid + settings.test_normal, settings.size, settings.size,
                           options.out));
  console.line("Drawn images, not X-rays: results on them have no clinical meaning");
  return exit_done;
}

}  // namespace

void add_synth_command(command_line::Command app, Action& action) {
  command_line::Command command = app.subcommand("synth", "Draw the phantom set of synthetic chest X-rays");
  auto options = std::make_shared<SynthOptions>();
  data::PhantomSettings& settings = options->settings;
  command.option("--out", options->out, "New folder for the images").type_name("DIR").required();
  command.option("--seed", settings.seed, "Random seed").show_default();
  command.option("--size", settings.size, "Side of the images in pixels").show_default().range(64, 2048);
  const std::tuple<const char*, const char*, int*> counts[] = {
      {"--train-covid", "Images in train/covid/", &settings.train_covid},
      {"--train-normal", "Images in train/normal/", &settings.train_normal},
      {"--test-covid", "Images in test/covid/", &settings.test_covid},
      {"--test-normal", "Images in test/normal/", &settings.test_normal}};
  for (const auto& [name, help, count] : counts)
    command.option(name, *count, help).show_default().range(1, 100000);
  command.choice("--shortcut", settings.shortcut, shortcuts,
                 "Plant a shortcut that gives the class away without the lungs, to try xrtrain audit");
  command.option("--workers", settings.workers, "Threads; 0: one per core").show_default().range(0, 256);
  command.flag("--quiet", options->quiet, "Print errors only");
  command.example("345 images in train/ and test/", "xrtrain synth --out phantom");
  command.when_chosen([&action, options] { action = [options] { return run_synth(*options); }; });
}

}  // namespace xr::apps
