// How much the tests reach of what nvcc made of the kernels: run after the tests, on what they wrote.
//
//   kernel_coverage COVERAGE EXPECTED SOURCE [--list | --kernel NAME]
//
// COVERAGE is the file of XR_GPU_COVERAGE, EXPECTED the least share and what cannot be reached, with reasons, SOURCE the
// project's folder. --list prints the lines of the source whose instructions were not reached, and how many of each
// kernel; --kernel the PTX of the kernels whose names contain NAME, with a "-" before what was not reached. The exit
// status is 0 if every kernel was launched and no smaller share of the instructions was reached than EXPECTED says.
#include <cstdio>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "kernels/registry.h"
#include "kernels/software_gpu/coverage.h"
#include "kernels/software_gpu/runtime/runtime.h"

namespace {

using namespace xr::software_gpu;

/// "file | part of the line | reason": instructions of such a line are not to be reached. With "kernel" as the file: a
/// kernel that is not to be launched, and part of its name.
struct Exception {
  std::string file, part, reason;
  std::size_t used = 0;
};

struct Expected {
  std::map<std::string, double>
      min_percent;  ///< by target ("sm_90a"): of the instructions that can be reached
  std::vector<Exception> exceptions;

  [[nodiscard]] bool covers(const std::string& file, const std::string& line, std::size_t instructions) {
    for (Exception& exception : exceptions)
      if (exception.file == file && line.find(exception.part) != std::string::npos) {
        exception.used += instructions;
        return true;
      }
    return false;
  }
};

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(' ');
  return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

Expected read_expected(const std::string& path) {
  Expected result;
  std::ifstream lines(path);
  if (!lines) end_program(path + " cannot be read");
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line.starts_with('#')) continue;
    std::istringstream parts(line);
    std::string file, part, reason;
    if (line.starts_with("least ")) {
      std::istringstream words(line.substr(6));
      std::string target;
      double percent = 0;
      if (!(words >> target >> percent))
        end_program(path + ": \"" + line + "\" is not \"least TARGET PERCENT\"");
      result.min_percent[target] = percent;
      continue;
    }
    if (!std::getline(parts, file, '|') || !std::getline(parts, part, '|') || !std::getline(parts, reason) ||
        trimmed(part).empty() || trimmed(reason).empty())
      end_program(path + ": \"" + line + "\" is not \"file | part of the line | reason\"");
    result.exceptions.push_back({trimmed(file), trimmed(part), trimmed(reason)});
  }
  return result;
}

/// A line of the source and how many instructions of it were not reached, in how many kernels.
struct Place {
  std::size_t instructions = 0;
  std::set<std::string> kernels;
};
using Places = std::map<std::pair<std::string, u32>, Place>;

/// The lines of the project's files, read once.
class Sources {
 public:
  explicit Sources(std::string folder) : folder_(std::move(folder)) {}

  std::string line(const std::string& file, u32 number) {
    std::vector<std::string>& lines = files_[file];
    if (lines.empty()) {
      std::ifstream stream(file.starts_with('/') ? file : folder_ + "/" + file);
      for (std::string line; std::getline(stream, line);) lines.push_back(trimmed(line));
    }
    return number >= 1 && number <= lines.size() ? lines[number - 1] : "";
  }

  /// Without the project's folder in front.
  [[nodiscard]] std::string name(const std::string& file) const {
    return file.starts_with(folder_ + "/") ? file.substr(folder_.size() + 1) : file;
  }

 private:
  std::string folder_;
  std::map<std::string, std::vector<std::string>> files_;
};

/// Of ".target sm_90a".
std::string target_of(std::string_view module) {
  const std::size_t at = module.find(".target ");
  if (at == std::string_view::npos) end_program("PTX without a target");
  const std::string_view name = module.substr(at + 8);
  return std::string(name.substr(0, name.find_first_of(", \n")));
}

struct Result {
  std::string target;  ///< of the PTX: "sm_90a"
  std::size_t kernels = 0, launched = 0, instructions = 0, reached = 0, excepted = 0;
  std::vector<std::string> never_launched;
  Places places;                                 ///< that are not excepted
  std::map<std::string, std::size_t> unreached;  ///< by kernel, without what is excepted
};

Result compare(const std::map<std::string, Coverage>& covered, Expected& expected, Sources& sources) {
  Result result;
  std::set<std::string> seen;
  for (const auto& [host, registered] : runtime().functions) {
    const Kernel& kernel = *find_function(host)->kernel;
    if (!seen.insert(kernel.name).second) continue;  // a template's instance in several files
    result.target = target_of(kernel.module);
    const auto found = covered.find(kernel.name);
    const std::size_t count = kernel.code.size() - 1;
    ++result.kernels, result.instructions += count;
    if (found == covered.end() || found->second.launches == 0) {
      if (expected.covers("kernel", kernel.title, count))
        result.excepted += count;
      else
        result.never_launched.push_back(kernel.title);
      continue;
    }
    ++result.launched;
    if (found->second.reached.size() != count) end_program("the coverage is of another build: remove it");
    for (std::size_t i = 0; i < count; ++i) {
      if (found->second.reached[i]) {
        ++result.reached;
        continue;
      }
      const auto file = kernel.files.find(kernel.code[i].file);
      const std::string name = file == kernel.files.end() ? "?" : sources.name(file->second);
      const u32 line = kernel.code[i].source_line;
      if (expected.covers(name, sources.line(name, line), 1)) {
        ++result.excepted;
        continue;
      }
      Place& place = result.places[{name, line}];
      ++place.instructions;
      ++result.unreached[kernel.title];
      place.kernels.insert(kernel.title);
    }
  }
  return result;
}

void list_places(const Result& result, Sources& sources) {
  for (const auto& [where, place] : result.places)
    std::printf("not reached: %s:%u: %s\n    %zu instructions in %zu kernels, among them %s\n",
                where.first.c_str(), where.second, sources.line(where.first, where.second).c_str(),
                place.instructions, place.kernels.size(), place.kernels.begin()->c_str());
  for (const auto& [kernel, count] : result.unreached)
    std::printf("%zu instructions not reached in %s\n", count, kernel.c_str());
}

void print_kernels(const std::map<std::string, Coverage>& covered, const std::string& part) {
  for (const auto& [host, registered] : runtime().functions) {
    const Kernel& kernel = *find_function(host)->kernel;
    const auto found = covered.find(kernel.name);
    if (kernel.title.find(part) == std::string::npos || found == covered.end()) continue;
    std::printf("%s\n", kernel.title.c_str());
    for (std::size_t i = 0; i + 1 < kernel.code.size(); ++i)
      std::printf("%c %5zu  line %4u  %s\n", found->second.reached.at(i) ? ' ' : '-', i,
                  kernel.code[i].source_line, kernel.texts[kernel.code[i].text].c_str());
  }
}

}  // namespace

int main(int argc, char** argv) {
  const bool list = argc == 5 && std::string(argv[4]) == "--list";
  const bool print = argc == 6 && std::string(argv[4]) == "--kernel";
  if (argc != 4 && !list && !print) {
    std::fputs("usage: kernel_coverage COVERAGE EXPECTED SOURCE [--list | --kernel NAME]\n", stderr);
    return 2;
  }
  (void)xr::kernels::backend(xr::kernels::Device::parse("cuda"));  // links the kernels into this program
  Expected expected = read_expected(argv[2]);
  Sources sources(argv[3]);
  const std::map<std::string, Coverage> covered = read_coverage(argv[1]);
  const Result result = compare(covered, expected, sources);
  if (print) print_kernels(covered, argv[5]);
  if (list) list_places(result, sources);
  bool good = result.never_launched.empty();
  for (const std::string& kernel : result.never_launched) std::printf("never launched: %s\n", kernel.c_str());
  for (const Exception& exception : expected.exceptions) {
    if (exception.used > 0) continue;
    good = false;
    std::printf("%s: nothing unreached is left of \"%s | %s\": remove the line\n", argv[2],
                exception.file.c_str(), exception.part.c_str());
  }
  const double percent =
      100 * static_cast<double>(result.reached) / static_cast<double>(result.instructions - result.excepted);
  std::printf(
      "checked that %zu of %zu kernels were launched, %zu of %zu instructions for %s reached, %.1f %% of those that can "
      "be\n",
      result.launched, result.kernels, result.reached, result.instructions, result.target.c_str(), percent);
  const auto least = expected.min_percent.find(result.target);
  if (least == expected.min_percent.end() || percent < least->second) {
    good = false;
    std::printf(
        "FAILED: %s expects %.1f %% for %s: write a test for what is new (--list), or say there why not\n",
        argv[2], least == expected.min_percent.end() ? 100 : least->second, result.target.c_str());
  }
  return good ? 0 : 1;
}
