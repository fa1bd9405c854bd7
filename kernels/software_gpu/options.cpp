#include "kernels/software_gpu/options.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <string>
#include <string_view>

#include "kernels/software_gpu/decode/text.h"
#include "kernels/software_gpu/fault.h"

extern "C" char** environ;

namespace xr::software_gpu {

namespace {

/// Whether a variable is one of two words; the first is the default.
bool is_second(std::string_view name, std::string_view value, std::string_view first,
               std::string_view second) {
  if (value != first && value != second)
    end_program(std::string(name) + " is \"" + std::string(value) + "\", not \"" + std::string(first) +
                "\" or \"" + std::string(second) + "\"");
  return value == second;
}

long number(std::string_view name, const std::string& value) {
  char* end = nullptr;
  const long result = std::strtol(value.c_str(), &end, 10);
  if (value.empty() || *end != '\0' || result < 1)
    end_program(std::string(name) + " is \"" + value + "\", not a number above zero");
  return result;
}

void read_sum(Options& options, std::string_view name, std::string_view value) {
  if (value == "nearest")
    options.sum = Options::Sum::nearest;
  else if (value == "toward_zero")
    options.sum = Options::Sum::toward_zero;
  else if (value == "aligned")
    options.sum = Options::Sum::aligned;
  else
    end_program(std::string(name) + " is \"" + std::string(value) +
                "\", not nearest, toward_zero or aligned");
}

/// "launch:7" or "allocation:3+", between commas.
void read_failures(Options& options, std::string_view name, std::string_view value) {
  static constexpr std::string_view names[] = {"allocation", "pinned", "launch", "fault", "copy", "device"};
  static_assert(std::size(names) == static_cast<std::size_t>(Failing::count));
  for (const std::string_view one : split(value, ',')) {
    const std::size_t colon = one.find(':');
    const auto* const found = std::find(std::begin(names), std::end(names), one.substr(0, colon));
    if (found == std::end(names) || colon == std::string_view::npos)
      end_program(
          std::string(name) + ": \"" + std::string(one) +
          "\" is not allocation, pinned, launch, fault, copy or device, a colon, and the number of the call");
    Failure failure{.what = static_cast<Failing>(found - std::begin(names)), .onwards = one.ends_with('+')};
    const std::size_t digits = one.size() - colon - (failure.onwards ? 2 : 1);
    failure.call = static_cast<u64>(number(name, std::string(one.substr(colon + 1, digits))));
    options.failures.push_back(failure);
  }
}

/// "add.f32:sub.f32". That both are known is seen when an instruction is looked up.
void read_mutation(Options& options, std::string_view name, std::string_view value) {
  const std::size_t colon = value.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == value.size())
    end_program(std::string(name) + " is \"" + std::string(value) +
                "\", not two instructions with a colon between");
  options.mutated = value.substr(0, colon);
  options.mutated_to = value.substr(colon + 1);
}

void read_option(Options& options, std::string_view name, const std::string& value) {
  if (name == "XR_GPU_STREAMS")
    options.lazy = !is_second(name, value, "lazy", "eager");
  else if (name == "XR_GPU_ORDER")
    options.reverse = is_second(name, value, "forward", "reverse");
  else if (name == "XR_GPU_RACES")
    options.races = !is_second(name, value, "1", "0");
  else if (name == "XR_GPU_WIDE_INDEXES")
    options.wide_indexes = is_second(name, value, "0", "1");
  else if (name == "XR_GPU_DECODE")
    options.decode_all = is_second(name, value, "used", "all");
  else if (name == "XR_GPU_TRACE")
    options.trace = is_second(name, value, "0", "1");
  else if (name == "XR_GPU_TIME")
    options.time = is_second(name, value, "0", "1");
  else if (name == "XR_GPU_MMA")
    read_sum(options, name, value);
  else if (name == "XR_GPU_STATS")
    options.count = true;
  else if (name == "XR_GPU_MUTATE")
    read_mutation(options, name, value);
  else if (name == "XR_GPU_COVERAGE")
    options.coverage = value;
  else if (name == "XR_GPU_THREADS")
    options.threads = static_cast<int>(number(name, value));
  else if (name == "XR_GPU_DEVICES")
    options.devices = static_cast<int>(number(name, value));
  else if (name == "XR_GPU_MEMORY")
    options.memory_bytes = static_cast<u64>(number(name, value)) << 20;
  else if (name == "XR_GPU_FAIL")
    read_failures(options, name, value);
  else if (name != "XR_GPU_UNREACHED")
    end_program("the environment variable " + std::string(name) + " is not known");
}

Options read_options() {
  Options options;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const std::size_t equals = text.find('=');
    if (!text.starts_with("XR_GPU_") || equals == std::string_view::npos) continue;
    read_option(options, text.substr(0, equals), std::string(text.substr(equals + 1)));
  }
  return options;
}

}  // namespace

const Options& options() {
  static const Options chosen = read_options();
  return chosen;
}

void end_program(const std::string& what) {
  std::fflush(stdout);
  std::fprintf(stderr, "software GPU: %s\n", what.c_str());
  std::fflush(stderr);
  std::abort();
}

}  // namespace xr::software_gpu
