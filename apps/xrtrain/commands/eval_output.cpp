#include "apps/xrtrain/commands/eval_output.h"

#include <fmt/format.h>

#include "apps/xrtrain/data_notices.h"
#include "apps/xrtrain/errors.h"
#include "engine/io/atomic_file.h"

namespace xr::apps {

namespace fs = std::filesystem;

namespace {

bool is_table(const fs::path& out) {
  return out.extension() == ".csv";
}

}  // namespace

void require_new_output(const fs::path& out) {
  std::error_code code;
  if (out.empty() || is_table(out)) return;
  if (fs::exists(out, code) && (!fs::is_directory(out, code) || !fs::is_empty(out, code)))
    throw UsageError(fmt::format(
        "--out {} is there already: give a new folder, or a .csv file for the table alone", out.string()));
}

void write_elsewhere(const RunResults& results, const std::vector<data::SkippedFile>& skipped,
                     const fs::path& out, Console& console) {
  if (is_table(out)) {
    engine::write_file_atomically(out, results.table);
    return console.line(fmt::format("Results are in {}", out.string()));
  }
  std::error_code code;
  fs::create_directories(out, code);
  XR_CHECK(!code, "cannot make the folder {}: {}", out.string(), code.message());
  write_figures(results, out);
  write_skipped(skipped, out);
  console.line(
      fmt::format("Results are in {}: eval.csv, summary.json, metrics.json, predictions.csv", out.string()));
}

}  // namespace xr::apps
