#include "apps/xrbench/step_profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>

namespace xr::bench {

namespace {

using kernels::CallRecord;
using kernels::ConversionRecord;

/// Records while it lives.
class StepRecording {
 public:
  explicit StepRecording(kernels::Backend& backend) : backend_(backend) {
    backend.record_calls(&calls);
    backend.record_conversions(&conversions);
  }
  StepRecording(const StepRecording&) = delete;
  StepRecording& operator=(const StepRecording&) = delete;
  ~StepRecording() {
    backend_.record_calls(nullptr);
    backend_.record_conversions(nullptr);
  }

  std::vector<CallRecord> calls;
  std::vector<ConversionRecord> conversions;

 private:
  kernels::Backend& backend_;
};

template <class Cost, class Measure>
std::vector<Cost> sorted(std::map<std::string, Cost>&& costs, Measure&& measure) {
  std::vector<Cost> result;
  for (auto& [name, cost] : costs) result.push_back(std::move(cost));
  std::stable_sort(result.begin(), result.end(),
                   [&](const Cost& a, const Cost& b) { return measure(a) > measure(b); });
  return result;
}

}  // namespace

StepProfile profile(kernels::Backend& backend, StepWork& work, int steps) {
  StepRecording recording(backend);
  const auto start = std::chrono::steady_clock::now();
  (void)work.run(steps);
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  const double share = 1.0 / steps;
  std::map<std::string, CallCost> calls;
  for (const CallRecord& record : recording.calls) {
    CallCost& cost = calls[record.call];
    cost.call = record.call;
    cost.count += share;
    cost.seconds += record.seconds * share;
    cost.bytes += static_cast<double>(record.bytes) * share;
  }
  std::map<std::string, ConversionCost> conversions;
  for (const ConversionRecord& record : recording.conversions) {
    const std::string operand =
        fmt::format("{} {}{}", record.operation, record.operand, record.adds ? ", added" : "");
    ConversionCost& cost = conversions[operand];
    cost.operand = operand;
    cost.count += share;
    cost.bytes += static_cast<double>(record.bytes) * share;
  }
  return {taken.count() * share, sorted(std::move(calls), [](const CallCost& c) { return c.seconds; }),
          sorted(std::move(conversions), [](const ConversionCost& c) { return c.bytes; })};
}

std::string to_text(const StepProfile& profile) {
  std::string text = fmt::format("{:<42} {:>6} {:>9} {:>7} {:>7}\n", "call", "calls", "ms", "share", "GB/s");
  double rest = profile.seconds;
  for (const CallCost& cost : profile.calls) {
    rest -= cost.seconds;
    text += fmt::format("{:<42} {:>6.0f} {:>9.3f} {:>6.1f}% {:>7.1f}\n", cost.call, cost.count,
                        cost.seconds * 1e3, 100 * cost.seconds / profile.seconds,
                        cost.bytes / cost.seconds / 1e9);
  }
  text += fmt::format("{:<42} {:>6} {:>9.3f} {:>6.1f}%\n", "between calls", "", rest * 1e3,
                      100 * rest / profile.seconds);
  text += fmt::format("{:<42} {:>6} {:>9}\n", "converted operand", "count", "MB");
  for (const ConversionCost& cost : profile.conversions)
    text += fmt::format("{:<42} {:>6.0f} {:>9.3f}\n", cost.operand, cost.count, cost.bytes / 1e6);
  return text;
}

nlohmann::json to_json(const StepProfile& profile) {
  nlohmann::json calls = nlohmann::json::array(), conversions = nlohmann::json::array();
  for (const CallCost& cost : profile.calls)
    calls.push_back(
        {{"call", cost.call}, {"count", cost.count}, {"seconds", cost.seconds}, {"bytes", cost.bytes}});
  for (const ConversionCost& cost : profile.conversions)
    conversions.push_back({{"operand", cost.operand}, {"count", cost.count}, {"bytes", cost.bytes}});
  return {{"seconds", profile.seconds}, {"calls", calls}, {"conversions", conversions}};
}

}  // namespace xr::bench
