#include <fmt/format.h>
#include <algorithm>
#include <memory>
#include <optional>

#include "apps/audit/audit.h"
#include "apps/audit/page.h"
#include "apps/text/text.h"
#include "apps/xrtrain/commands/commands.h"
#include "apps/xrtrain/commands/control_trainings.h"
#include "apps/xrtrain/console.h"
#include "apps/xrtrain/data_notices.h"
#include "apps/xrtrain/distributed/ranks.h"
#include "apps/xrtrain/errors.h"
#include "apps/xrtrain/options/data_folders.h"
#include "apps/xrtrain/options/machine_options.h"
#include "apps/xrtrain/options/options.h"
#include "engine/io/atomic_file.h"

namespace xr::apps {

namespace {

namespace fs = std::filesystem;
using audit::Audit;
using audit::Check;
using audit::Verdict;

struct AuditOptions {
  std::string data, out, groups, group_pattern, skip_folders = "auto";
  LabelOptions labels;
  std::optional<Verdict> fail_on;  ///< findings as bad as this are an exit status
  int image_size = 224, workers = 0;
  bool control = false;
  int control_epochs = 20;
  std::string control_preset = "default";
  bool quiet = false, json = false, verbose = false;
  WaitOption wait;
};

Mark mark_of(Verdict verdict) {
  return {std::string(html::verdict_name(verdict)), verdict == Verdict::serious   ? Colour::red
                                                    : verdict == Verdict::warning ? Colour::yellow
                                                                                  : Colour::green};
}

void print_findings(const Audit& audit, const AuditOptions& options, Console& console) {
  console.line(fmt::format("{} of {}: {}", audit::counted(audit.scan.images.size(), "image"),
                           audit::counted(audit.scan.class_names.size(), "class", "classes"),
                           text::one_line(fmt::format("{}", fmt::join(audit.scan.class_names, ", ")))));
  for (const data::Notice& notice : audit.scan.notices) console.line("note: " + with_remedy(notice));
  for (const Check& check : audit.checks) {
    console.line(fmt::format("{}: {}", check.title, check.text), mark_of(check.verdict));
    for (const std::string& detail : check.details) console.detail("    " + detail);
  }
  const auto count = [&](Verdict verdict) {
    return std::ranges::count_if(audit.checks, [&](const Check& check) { return check.verdict == verdict; });
  };
  console.line(fmt::format("Verdict: {} ({} serious, {} warning{})", html::verdict_name(audit.verdict()),
                           count(Verdict::serious), count(Verdict::warning),
                           count(Verdict::warning) == 1 ? "" : "s"));
  if (!options.verbose && options.out.empty()) console.line("Details: --verbose, or --out FOLDER for a page");
}

std::string command_line(const AuditOptions& options) {
  std::string text = "xrtrain audit " + text::shell_word(options.data);
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) text += fmt::format(" {} {}", name, text::shell_word(value));
  };
  add("--out", options.out);
  add("--groups", options.groups);
  add("--group-regex", options.group_pattern);
  if (options.skip_folders != "auto") add("--skip-folders", options.skip_folders);
  add("--labels", options.labels.labels);
  add("--image-column", options.labels.image_column);
  add("--label-column", options.labels.label_column);
  add("--split-list", options.labels.split_list);
  if (options.control) {
    text += " --control";
    add("--control-epochs", std::to_string(options.control_epochs));
    add("--control-preset", options.control_preset);
  }
  if (options.image_size != 224) add("--image-size", std::to_string(options.image_size));
  return text;
}

void write_results(const Audit& audit, const AuditOptions& options, Console& console) {
  const fs::path out = options.out;
  std::error_code code;
  fs::create_directories(out, code);
  XR_CHECK(fs::is_directory(out, code), "cannot make the folder {}: choose another --out", out.string());
  engine::write_file_atomically(out / "audit.json", audit_json(audit) + "\n");
  engine::write_file_atomically(out / "audit.html", audit_page(audit, command_line(options)));
  console.line(
      fmt::format("Written: {} and {}", (out / "audit.html").string(), (out / "audit.json").string()));
}

void add_controls(Audit& audit, const AuditOptions& options, Console& console) {
  GivenOptions given = {{"data", options.data},
                        {"preset", options.control_preset},
                        {"epochs", std::to_string(options.control_epochs)},
                        {"image-size", std::to_string(options.image_size)}};
  if (!options.groups.empty()) given["groups"] = options.groups;
  if (!options.group_pattern.empty()) given["group-regex"] = options.group_pattern;
  given["skip-folders"] = options.skip_folders;
  const LabelOptions& labels = options.labels;
  for (const auto& [name, value] :
       {std::pair{"labels", labels.labels}, std::pair{"image-column", labels.image_column},
        std::pair{"label-column", labels.label_column}, std::pair{"split-list", labels.split_list}})
    if (!value.empty()) given[name] = value;
  given["uncertain"] = command_line::name_of(labels.uncertain, uncertain_names());
  audit.checks.push_back(train_controls(given, audit.scan.task, fs::path(options.out) / "control",
                                        [&](const std::string& text) { console.line(text); }));
  sort_by_verdict(audit.checks);
}

/// Its errors are about the images, but for those of the ranks.
Audit audit_images(const AuditOptions& options, const audit::AuditSettings& settings, audit::Ranks ranks,
                   Console& console) {
  const auto progress = [&](const char* what, std::size_t done, std::size_t total) {
    console.progress(what, done, total);
  };
  try {
    return audit::audit_folder(fs::absolute(options.data).lexically_normal(), settings, progress, ranks);
  } catch (const Error& error) {
    if (error.code() == engine::rank_failed || error.code() == engine::rank_silent) throw;
    throw DataError(error.code(), error.what(), error.where());
  } catch (const fs::filesystem_error& error) {
    throw DataError(error.what());
  }
}

int run_audit_as(Ranks& ranks, const AuditOptions& options) {
  ranks.require_same_command();
  ranks.set_timeout(options.wait.seconds);
  if (options.quiet && options.json) throw UsageError("--quiet and --json exclude each other: use one");
  if (options.control && options.out.empty())
    throw UsageError("--control needs --out: the folder for the networks that it trains");
  if (options.control && ranks.are_several())
    throw UsageError("--control trains in one process: start it without mpirun");
  check_group_pattern(options.group_pattern);
  require_outside("--out", options.out, options.data);
  ConsoleSettings console_settings{options.quiet || options.json, options.json, LogLevel::info,
                                   options.verbose};
  console_settings.silent = !ranks.is_first();
  Console console(console_settings);
  audit::AuditSettings settings;
  settings.groups = {options.groups, options.group_pattern};
  settings.skip_folders = skip_folders_of(options.skip_folders);
  settings.labels = options.labels.settings();
  settings.network_size = options.image_size;
  settings.workers = ranks.own_workers(options.workers);
  Audit audit = audit_images(options, settings, ranks.communicator(), console);
  ranks.leave();
  if (!ranks.is_first()) return exit_done;
  if (options.control) add_controls(audit, options, console);
  if (options.json) print(text::printable_json(audit_json(audit)) + "\n");
  print_findings(audit, options, console);
  if (!options.out.empty()) write_results(audit, options, console);
  return options.fail_on && audit.verdict() >= *options.fail_on ? exit_findings : exit_done;
}

int run_audit(const AuditOptions& options) {
  Ranks ranks;
  return ranks.run([&] { return run_audit_as(ranks, options); });
}

}  // namespace

void add_audit_command(command_line::Command app, Action& action) {
  command_line::Command command =
      app.subcommand("audit", "Audit a folder of images: duplicates, leakage, shortcuts, damaged images");
  auto options = std::make_shared<AuditOptions>();
  command.option("data", options->data, "Folder with train/<class>/ and test/<class>/, or <class>/ folders")
      .type_name("DATA")
      .required();
  command.option("--out", options->out, "Write audit.html and audit.json into this folder").type_name("DIR");
  const command_line::Option groups =
      command
          .option("--groups", options->groups,
                  "CSV file with columns file and patient; default: sources.csv of the data folder")
          .type_name("FILE")
          .group("Data");
  command
      .option(
          "--group-regex", options->group_pattern,
          "Regular expression whose first capture is the patient in the path of an image (no capture: the whole match)")
      .type_name("REGEX")
      .group("Data")
      .excludes(groups);
  add_skip_folders(command, options->skip_folders);
  options->labels.add(command);
  const command_line::Names<std::optional<Verdict>> limits = {{"warning", Verdict::warning},
                                                              {"serious", Verdict::serious}};
  command.choice("--fail-on", options->fail_on, limits,
                 "Exit status 4 for findings of this severity or worse");
  command.option("--image-size", options->image_size, "Side of the input of the network, in pixels")
      .show_default()
      .range(1, 4096);
  command.flag(
      "--control", options->control,
      "Train on whole images, on images with a black middle and on the middle alone, into control/ of --out");
  command.option("--control-epochs", options->control_epochs, "Epochs of each control training")
      .show_default()
      .range(1, 100000);
  command.option("--control-preset", options->control_preset, "Preset of the control trainings")
      .show_default()
      .one_of(preset_names());
  command.option("--workers", options->workers, "Threads; 0: one per core").show_default().range(0, 256);
  options->wait.add(command);
  command.flag("--json", options->json, "Print audit.json");
  command.flag("--quiet", options->quiet, "Print warnings and errors only");
  command.flag("--verbose", options->verbose, "Print the details of each finding");
  command.example("before training", "xrtrain audit xrays --out audit");
  command.example("in a script: fail on serious findings", "xrtrain audit xrays --fail-on serious");
  command.when_chosen([&action, options] { action = [options] { return run_audit(*options); }; });
}

}  // namespace xr::apps
