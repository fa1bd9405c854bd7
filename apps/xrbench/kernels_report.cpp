#include "apps/xrbench/kernels_report.h"
#include "apps/xrbench/counters/counters_report.h"

#include <fmt/core.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace xr::bench {

namespace {

using nlohmann::json;

/// The figures of one row; what there is none of is empty.
struct Figures {
  double gigabytes_per_second = 0, teraflops = 0;
  std::optional<double> percent_of_ceiling, percent_of_roofline, ratio_to_library;
};

Figures figures_of(const RaceResult& result, const Run& run, const Ceilings& ceilings) {
  const double seconds = run.timing->median;
  const bool recorded = run.recorded_bytes() > 0;
  Figures figures;
  figures.gigabytes_per_second =
      static_cast<double>(recorded ? run.recorded_bytes() : result.bytes) / seconds / 1e9;
  figures.teraflops = static_cast<double>(result.operations) / seconds / 1e12;
  if (recorded) {
    // What other operations than products compute does not run where the ceiling was measured.
    const std::int64_t operations = result.operations > 0 ? run.recorded_operations() : 0;
    figures.percent_of_ceiling = 100 * min_seconds(ceilings, run.recorded_bytes(), operations) / seconds;
  }
  figures.percent_of_roofline = 100 * min_seconds(ceilings, result.bytes, result.operations) / seconds;
  if (const Run* const library = result.library(); library != nullptr)
    figures.ratio_to_library = library->timing->median / seconds;
  return figures;
}

std::string optional_text(const std::optional<double>& value, int decimals) {
  return value ? fmt::format("{:.{}f}", *value, decimals) : "-";
}

std::string difference_text(const Run& run) {
  if (!run.error.empty()) return "error";
  return run.is_reference ? "-" : fmt::format("{:.1e}", run.difference);
}

std::string amount(std::int64_t bytes, std::int64_t operations) {
  std::string text = fmt::format("{:.4g} MB", static_cast<double>(bytes) / 1e6);
  if (operations > 0) text += fmt::format(", {:.4g} GFLOP", static_cast<double>(operations) / 1e9);
  return text;
}

std::string row(const RaceResult& result, const Run& run, const std::optional<Ceilings>& ceilings) {
  std::string text = fmt::format("{} {:<60}", &run == result.winner() ? '*' : ' ', run.kernel);
  if (ceilings && run.timing) {
    const Figures f = figures_of(result, run, *ceilings);
    const Timing& t = *run.timing;
    text += fmt::format(" {:>10.4f} {:>10.4f} {:>10.4f} {:>8.1f} {:>8} {:>6} {:>6} {:>6}", t.median * 1e3,
                        t.p20 * 1e3, t.p80 * 1e3, f.gigabytes_per_second,
                        result.operations > 0 ? fmt::format("{:.3f}", f.teraflops) : "-",
                        optional_text(f.percent_of_ceiling, 1), optional_text(f.percent_of_roofline, 1),
                        optional_text(f.ratio_to_library, 2));
  } else if (ceilings) {
    text += fmt::format(" {:>10} {:>10} {:>10} {:>8} {:>8} {:>6} {:>6} {:>6}", "-", "-", "-", "-", "-", "-",
                        "-", "-");
  }
  text += fmt::format(" {:>8}", difference_text(run));
  if (run.is_wrong) text += " wrong";
  if (!run.error.empty()) text += ": " + run.error;
  return text + "\n";
}

json number(double value) {
  return std::isfinite(value) ? json(value) : json(nullptr);
}

json number(const std::optional<double>& value) {
  return value ? number(*value) : json(nullptr);
}

json to_json(const Ceilings& ceilings) {
  return {{"copy_bytes_per_second", ceilings.copy_bandwidth},
          {"copied_by", ceilings.copied_by},
          {"product_operations_per_second", ceilings.product_rate},
          {"multiplied_by", ceilings.multiplied_by}};
}

json launches_json(const Run& run) {
  json launches = json::array();
  for (const kernels::LaunchRecord& launch : run.launches)
    launches.push_back({{"kernel", launch.kernel},
                        {"grid", launch.grid},
                        {"block", launch.block},
                        {"shared_bytes", launch.shared_bytes},
                        {"bytes", launch.bytes},
                        {"operations", launch.operations}});
  return launches;
}

json to_json(const RaceResult& result, const Run& run, const std::optional<Ceilings>& ceilings) {
  json row = {{"kernel", run.kernel},
              {"variant", run.variant},
              {"library", run.is_library},
              {"fastest", &run == result.winner()},
              {"wrong", run.is_wrong},
              {"error", run.error.empty() ? json(nullptr) : json(run.error)},
              {"difference", run.is_reference || !run.error.empty() ? json(nullptr) : number(run.difference)},
              {"launches", launches_json(run)}};
  for (const char* key :
       {"median_seconds", "p20_seconds", "p80_seconds", "samples", "calls_per_sample", "gigabytes_per_second",
        "teraflops", "percent_of_ceiling", "percent_of_roofline", "ratio_to_library"})
    row[key] = nullptr;
  if (!run.counters.empty()) row["counters"] = to_json(run.counters, *result.counted_for);
  if (!ceilings || !run.timing) return row;
  const Figures f = figures_of(result, run, *ceilings);
  row["median_seconds"] = run.timing->median;
  row["p20_seconds"] = run.timing->p20;
  row["p80_seconds"] = run.timing->p80;
  row["samples"] = run.timing->samples;
  row["calls_per_sample"] = run.timing->calls;
  row["gigabytes_per_second"] = f.gigabytes_per_second;
  row["teraflops"] = f.teraflops;
  row["percent_of_ceiling"] = number(f.percent_of_ceiling);
  row["percent_of_roofline"] = number(f.percent_of_roofline);
  row["ratio_to_library"] = number(f.ratio_to_library);
  return row;
}

}  // namespace

std::string to_text(const ReportHead& head) {
  std::string text;
  for (const auto& [name, value] : head.lines) text += fmt::format("{}: {}\n", name, value);
  if (head.ceilings)
    text += fmt::format("ceilings: {:.1f} GB/s ({}), {:.3f} TFLOP/s ({})\n",
                        head.ceilings->copy_bandwidth / 1e9, head.ceilings->copied_by,
                        head.ceilings->product_rate / 1e12, head.ceilings->multiplied_by);
  return text;
}

std::string columns_text(bool timed) {
  std::string text = fmt::format("  {:<60}", "kernel");
  if (timed)
    text += fmt::format(" {:>10} {:>10} {:>10} {:>8} {:>8} {:>6} {:>6} {:>6}", "median ms", "p20", "p80",
                        "GB/s", "TFLOP/s", "ceil%", "roof%", "x lib");
  return text + fmt::format(" {:>8}\n", "differs");
}

std::string to_text(const RaceResult& result, const std::optional<Ceilings>& ceilings) {
  std::string text =
      fmt::format("{}  {}  ({}", result.name, result.shape, amount(result.bytes, result.operations));
  if (ceilings && result.operations > 0) {
    const bool memory =
        min_seconds(*ceilings, result.bytes, 0) >= min_seconds(*ceilings, 0, result.operations);
    text += memory ? ", bound by memory" : ", bound by products";
  }
  text += ")\n";
  for (const Run& run : result.runs) {
    text += row(result, run, ceilings);
    if (!run.counters.empty())
      text += to_text(run.counters, {result.bytes, result.operations}, *result.counted_for);
  }
  if (!result.why_no_library.empty()) text += fmt::format("  no library: {}\n", result.why_no_library);
  return text;
}

json to_json(const ReportHead& head) {
  json result = json::object();
  for (const auto& [name, value] : head.lines) result[name] = value;
  result["ceilings"] = head.ceilings ? to_json(*head.ceilings) : json(nullptr);
  return result;
}

json to_json(const RaceResult& result, const std::optional<Ceilings>& ceilings) {
  json runs = json::array();
  for (const Run& run : result.runs) runs.push_back(to_json(result, run, ceilings));
  return {{"operation", result.name},
          {"shape", result.shape},
          {"bytes", result.bytes},
          {"operations", result.operations},
          {"tolerance", result.tolerance},
          {"kernels", runs},
          {"no_library", result.why_no_library.empty() ? json(nullptr) : json(result.why_no_library)}};
}

}  // namespace xr::bench
