#include "apps/xrtrain/commands/train_output.h"

#include <fmt/format.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "apps/text/text.h"
#include "apps/xrtrain/options/option_table.h"
#include "kernels/common/error.h"

namespace xr::apps {

namespace fs = std::filesystem;

namespace {

/// " --labels labels.csv": the options of the run that say what its images are, as `audit` takes them.
std::string data_arguments(const TrainOptions& options) {
  const std::pair<const char*, std::string> given[] = {
      {"--labels", options.labels},
      {"--image-column", options.image_column},
      {"--label-column", options.label_column},
      {"--uncertain", options.uncertain == data::Uncertain::ignore ? "" : option_text(options, "uncertain")},
      {"--split-list", options.split_list},
      {"--groups", options.groups},
      {"--group-regex", options.group_regex},
      {"--skip-folders", options.skip_folders == "auto" ? "" : options.skip_folders}};
  std::string text;
  for (const auto& [name, value] : given)
    if (!value.empty()) text += fmt::format(" {} {}", name, text::shell_word(value));
  return text;
}

}  // namespace

void require_disk(const DiskNeed& need, const RunFolder& folder, Console& console) {
  std::uint64_t there = 0;
  std::error_code code;
  for (const std::int64_t epoch : list_checkpoints(folder.path()))
    if (const auto bytes = fs::file_size(folder.checkpoint(epoch), code); !code) there += bytes;
  if (const auto bytes = fs::file_size(folder.resume_state(), code); !code) there += bytes;
  const std::uint64_t missing = need.total > there ? need.total - there : 0, free = free_space(folder.path());
  console.detail(fmt::format("Disk: {} checkpoint{} of {} and {} for resuming, {} in all; {} are free",
                             need.checkpoints, need.checkpoints == 1 ? "" : "s",
                             text::size_text(need.checkpoint), text::size_text(2 * need.resume),
                             text::size_text(need.total), text::size_text(free)));
  XR_CHECK(
      missing <= free,
      "the run needs {} more in {}, but only {} are free: free some space, choose another --out, or keep "
      "fewer checkpoints with --keep 1",
      text::size_text(missing), folder.path().string(), text::size_text(free));
}

void print_places(const TrainOptions& options, const RunFolder& folder, std::int64_t checkpoint,
                  Console& console) {
  if (const std::string warnings = console.warnings_text(); !warnings.empty())
    console.line(fmt::format("{}: see above, or {}", warnings, folder.file("log.txt").string()));
  console.line(fmt::format("Report: {}", folder.file("report.html").string()));
  console.line(fmt::format("Checkpoint: {}", folder.checkpoint(checkpoint).string()));
  console.line(fmt::format(
      "All figures: metrics.json, eval.csv, predictions.csv, log.txt{} in {}; --verbose prints them",
      options.tensorboard ? ", tensorboard/" : "", folder.path().string()));
  if (options.mask != data::Mask::none || !options.fold.empty() || fs::exists(folder.file("audit.json")))
    return;
  const std::string run = text::shell_word(folder.path().string());
  console.line(fmt::format(
      "To add an audit of the images: xrtrain audit {}{} --image-size {} --out {}, then xrtrain eval {}",
      text::shell_word(options.data), data_arguments(options), options.image_size, run, run));
}

}  // namespace xr::apps
