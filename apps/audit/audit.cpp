#include "apps/audit/audit.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <nlohmann/json.hpp>

#include "apps/audit/pixels.h"
#include "data/content_hash.h"
#include "engine/io/file.h"
#include "kernels/common/error.h"

namespace xr::audit {

namespace {

data::Dataset find_images(const std::filesystem::path& directory, const AuditSettings& settings,
                          const Tell& tell) {
  data::SplitSettings split;
  split.validation_fraction = split.test_fraction = 0;  // what the folder itself says
  split.groups = settings.groups;
  split.skip_folders = settings.skip_folders;
  split.labels = settings.labels;
  split.scan_progress = telling(tell, "Listing files");
  return data::read_image_folder(directory, split);
}

/// Jobs are shared by the place of an image in the list.
void require_same_listing(const data::Dataset& dataset, Ranks ranks) {
  if (ranks == nullptr) return;
  std::uint64_t hash = 0;
  for (const std::vector<data::Sample>* part : {&dataset.train, &dataset.validation, &dataset.test})
    for (const data::Sample& sample : *part)
      hash = data::content_hash(std::as_bytes(std::span(sample.path)), hash);
  const std::size_t images = dataset.train.size() + dataset.validation.size() + dataset.test.size();
  const std::vector<std::string> all =
      ranks->all_gather_text(fmt::format("{} images, names {:016x}", images, hash));
  for (int rank = 1; rank < ranks->size(); ++rank)
    XR_CHECK(all[static_cast<std::size_t>(rank)] == all[0], "{} finds other images in {} than rank 0: {}, {}",
             ranks->describe(rank), engine::quote_name(dataset.directory),
             all[static_cast<std::size_t>(rank)], all[0]);
}

/// Of a clock that never goes back.
double now_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

Verdict Audit::verdict() const {
  Verdict result = Verdict::ok;
  for (const Check& check : checks) result = worse(result, check.verdict);
  return result;
}

Audit audit_folder(const std::filesystem::path& directory, const AuditSettings& settings, const Tell& tell,
                   Ranks ranks) {
  Audit audit;
  double started = now_seconds();
  const data::Dataset dataset = find_images(directory, settings, tell);
  require_same_listing(dataset, ranks);
  audit.scan = scan_images(dataset, settings.workers, telling(tell, "Reading images"), ranks);
  XR_CHECK(!audit.scan.images.empty(), "none of the {} images of {} can be read; the first: {}",
           audit.scan.unreadable.size(), engine::quote_name(directory), audit.scan.unreadable.front().reason);
  audit.seconds_decoding = now_seconds() - started;

  started = now_seconds();
  audit.copies = find_copies_in(audit.scan, settings.workers, tell, ranks);
  audit.seconds_comparing = now_seconds() - started;

  started = now_seconds();
  std::vector<View> views = {View::file, View::histogram, View::ring, View::border, View::whole};
  if (has_different_tags(audit.scan)) views.push_back(View::tags);
  const std::vector<std::size_t> groups = group_numbers(audit.scan, audit.copies);
  audit.shortcuts = find_shortcuts(audit.scan, groups, views, settings.workers, ranks);
  audit.seconds_learning = now_seconds() - started;

  const std::optional<SourceTable> sources = find_source_table(dataset, settings.groups);
  audit.checks = {check_copies(audit.scan, audit.copies),
                  check_labels(audit.scan, audit.copies),
                  check_patients(audit.scan),
                  check_shortcuts(audit.scan, audit.shortcuts),
                  check_sources(audit.scan, sources ? &*sources : nullptr, groups),
                  check_balance(audit.scan),
                  check_sizes(audit.scan, settings.network_size),
                  check_files(audit.scan)};
  std::ranges::move(check_pixels(audit.scan), std::back_inserter(audit.checks));
  sort_by_verdict(audit.checks);
  return audit;
}

std::string audit_json(const Audit& audit) {
  nlohmann::json notices = nlohmann::json::array(), warnings = nlohmann::json::array();
  for (const data::Notice& notice : audit.scan.notices) {
    if (notice.importance == data::Importance::warning) warnings.push_back(notice.text);
    notices.push_back({{"id", std::string(notice.id.name)},
                       {"importance", notice.importance == data::Importance::warning ? "warning" : "note"},
                       {"text", notice.text},
                       {"names", notice.names},
                       {"count", notice.count}});
  }
  const nlohmann::json facts = {{"schema", "xrtrain-audit"},
                                {"version", 1},
                                {"data", audit.scan.directory.string()},
                                {"images", audit.scan.images.size()},
                                {"classes", audit.scan.class_names},
                                {"splits", audit.scan.splits},
                                {"verdict", html::verdict_name(audit.verdict())},
                                {"warnings", warnings},
                                {"notices", notices},
                                {"seconds",
                                 {{"reading", audit.seconds_decoding},
                                  {"comparing", audit.seconds_comparing},
                                  {"learning", audit.seconds_learning}}}};
  return checks_json(audit.checks, facts);
}

}  // namespace xr::audit
