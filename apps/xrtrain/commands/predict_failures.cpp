#include "apps/xrtrain/commands/predict_failures.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "apps/xrtrain/data_notices.h"

namespace xr::apps {

namespace {

constexpr std::size_t max_named = 10;

}  // namespace

void PredictFailures::add(const std::filesystem::path& file, const std::string& reason) {
  if (json_) print(json_text({{"file", file.string()}, {"error", reason}}) + '\n');
  if (++count_ <= max_named) print_aside("error", reason);
}

std::size_t PredictFailures::finish() const {
  if (count_ > max_named)
    print_aside("error",
                fmt::format("{} files cannot be predicted, {} more than are named; --json lists them all",
                            count_, count_ - max_named));
  return count_;
}

void print_passed_over(const data::FoundImages& found) {
  for (const data::Notice& notice : found.notices) print_aside("note", with_remedy(notice));
  for (const std::string& line : skipped_lines(found.skipped)) print_aside("note", line);
}

}  // namespace xr::apps
