#include "apps/xrtrain/run/begin_run.h"

#include <filesystem>
#include <tuple>
#include <vector>

#include "apps/text/text.h"
#include "apps/xrtrain/errors.h"
#include "apps/xrtrain/options/config.h"
#include "apps/xrtrain/options/data_folders.h"

namespace xr::apps {

namespace {

namespace fs = std::filesystem;

const std::string resume_mark = "# --resume\n";  // in front of the options, where it is a comment

/// What was asked for, option by option.
std::vector<SharedFact> given_facts(const GivenOptions& given, const std::string& config_file) {
  std::vector<SharedFact> facts = {{"--config", config_file.empty() ? "no value" : config_file}};
  for (const OptionSpec& spec : option_table()) {
    const auto found = given.find(spec.name);
    facts.emplace_back("--" + spec.name, found == given.end() ? "no value" : found->second);
  }
  return facts;
}

/// Options, and the folder that they name, opened.
std::pair<TrainOptions, std::unique_ptr<RunFolder>> open_run(const GivenOptions& given,
                                                             const std::string& config_file, int ranks) {
  TrainOptions options = resolve_options(given, config_file);
  if (options.out.empty()) throw UsageError("--out is missing: give the folder of the run");
  const std::string out = options.out;
  const bool resumed = options.resume && inspect_folder(out) == FolderKind::run;
  if (!resumed) {
    if (options.data.empty() && options.resume)
      throw UsageError(
          fmt::format("there is no run in {} to resume: give another --out, or --data to start one", out));
    if (options.data.empty())
      throw UsageError("--data is missing: give the folder of images (xrtrain synth makes one)");
    options.data = fs::absolute(options.data).lexically_normal().string();
    validate(options);
    check_shards(options.shards, ranks);
    require_outside("--out", out, options.data);
    (void)choose_device(options.device);
  }
  auto folder = std::make_unique<RunFolder>(out, options.force    ? RunFolder::Begin::force
                                                 : options.resume ? RunFolder::Begin::resume
                                                                  : RunFolder::Begin::fresh);
  if (resumed) {
    const TrainOptions of_run = resolve_options({}, folder->config().string());
    options = resolve_resumed_options(of_run, given, config_file);
    options.data = fs::absolute(options.data).lexically_normal().string();
    validate(options);
    check_shards(options.shards, ranks);
  }
  if (!options.subgroups.empty())  // for the run's config.toml: found from anywhere
    options.subgroups = fs::absolute(options.subgroups).lexically_normal().string();
  return {options, std::move(folder)};
}

}  // namespace

std::pair<TrainOptions, std::unique_ptr<RunFolder>> begin_run(Ranks& ranks, const GivenOptions& given,
                                                              const std::string& config_file) {
  if (ranks.are_several()) {
    ranks.require_same({{"program", program_identity()}});
    ranks.require_same(given_facts(given, config_file));
  }
  std::unique_ptr<RunFolder> folder;
  TrainOptions options;
  const std::string text = ranks.from_first([&] {
    std::tie(options, folder) = open_run(given, config_file, ranks.size());
    return (options.resume ? resume_mark : "") + options_text(options);
  });
  if (!ranks.is_first()) {
    options = options_of_text(text);
    options.resume = text.starts_with(resume_mark);
    folder = RunFolder::of_another_rank(options.out);
  }
  ranks.set_timeout(options.timeout);
  return {options, std::move(folder)};
}

}  // namespace xr::apps
