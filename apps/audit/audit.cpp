#include "apps/audit/audit.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "engine/io/file.h"
#include "kernels/common/error.h"

namespace xr::audit {

namespace {

data::Dataset find_images(const std::filesystem::path& directory, const AuditSettings& settings) {
  data::SplitSettings split;
  split.validation_fraction = split.test_fraction = 0;  // what the folder itself says
  split.groups = settings.groups;
  return data::read_image_folder(directory, split);
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

Audit audit_folder(const std::filesystem::path& directory, const AuditSettings& settings, const Tell& tell) {
  const auto telling = [&](const char* what) {
    return [&tell, what](std::size_t done, std::size_t total) { tell(what, done, total); };
  };
  Audit audit;
  double started = now_seconds();
  audit.scan = scan_images(find_images(directory, settings), settings.workers, telling("Reading images"));
  XR_CHECK(!audit.scan.images.empty(), "none of the {} images of {} can be read; the first: {}",
           audit.scan.unreadable.size(), engine::quote_name(directory), audit.scan.unreadable.front().reason);
  audit.seconds_decoding = now_seconds() - started;

  started = now_seconds();
  std::vector<Fingerprint> prints;
  for (const ImageFacts& image : audit.scan.images) prints.push_back(image.print);
  audit.copies = find_copies(prints, settings.workers, telling("Comparing images"));
  audit.seconds_comparing = now_seconds() - started;

  started = now_seconds();
  constexpr View views[] = {View::file, View::histogram, View::ring, View::border, View::whole};
  const std::vector<std::size_t> groups = group_numbers(audit.scan, audit.copies);
  audit.shortcuts = find_shortcuts(audit.scan, groups, views, settings.workers);
  audit.seconds_learning = now_seconds() - started;

  const std::optional<SourceTable> sources = read_source_table(directory, settings.groups);
  audit.checks = {check_copies(audit.scan, audit.copies),
                  check_labels(audit.scan, audit.copies),
                  check_patients(audit.scan),
                  check_shortcuts(audit.scan, audit.shortcuts),
                  check_sources(audit.scan, sources ? &*sources : nullptr, groups),
                  check_balance(audit.scan),
                  check_sizes(audit.scan, settings.network_size),
                  check_files(audit.scan)};
  sort_by_verdict(audit.checks);
  return audit;
}

std::string audit_json(const Audit& audit) {
  const nlohmann::json facts = {{"schema", "xrtrain-audit"},
                                {"version", 1},
                                {"data", audit.scan.directory.string()},
                                {"images", audit.scan.images.size()},
                                {"classes", audit.scan.class_names},
                                {"splits", audit.scan.splits},
                                {"verdict", html::verdict_name(audit.verdict())},
                                {"warnings", audit.scan.warnings},
                                {"seconds",
                                 {{"reading", audit.seconds_decoding},
                                  {"comparing", audit.seconds_comparing},
                                  {"learning", audit.seconds_learning}}}};
  return checks_json(audit.checks, facts);
}

}  // namespace xr::audit
