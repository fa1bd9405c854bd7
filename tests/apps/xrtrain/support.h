// Shared by the tests of the program: running it, small sets of images, folders to compare.
#pragma once

#include <catch2/catch.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace xr::apps::test {

namespace fs = std::filesystem;

/// A fresh folder, removed at the end of the test.
class TemporaryFolder {
 public:
  TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();
  [[nodiscard]] const fs::path& path() const { return path_; }
  fs::path operator/(const fs::path& name) const { return path_ / name; }

 private:
  fs::path path_;
};

struct Result {
  int status = -1;  ///< exit status; 1000 + signal if a signal ended it
  std::string output, error;

  /// Standard error without the lines that hold one of these texts.
  [[nodiscard]] std::string other_errors(const std::vector<std::string>& known) const;
  /// The one line on standard error beside warnings; fails the test if there is not exactly one,
  /// "xrtrain: error: ...".
  [[nodiscard]] std::string error_line() const;
};

using Arguments = std::vector<std::string>;
using Environment = std::map<std::string, std::string>;

struct RunSettings {
  Environment environment;  ///< beside this process's own
  double kill_after = -1;   ///< seconds; then `signal`
  int signal = 9, signals = 1;
  std::string signal_after_line;  ///< sends `signal` once a line of the output starts with this
  std::uint64_t file_size_limit = 0;
  bool as_nobody = false;                        ///< without root's right to write anywhere
  std::string output_to;                         ///< a file for standard output
  std::vector<std::string> launcher;             ///< a command that starts the program: mpirun -n 2
  std::function<void(int child)> while_running;  ///< called again and again with the process's number
};

/// Runs the program. Its cache is in `folder`/cache.
Result run(const TemporaryFolder& folder, const Arguments& arguments, const RunSettings& settings = {});

/// The probabilities in the lines of `predict --csv`: file,class,p(covid),p(normal).
std::vector<double> probabilities_of(const std::string& csv);

/// A set of phantom images of 64 x 64 pixels in `folder`/data; the same for the same counts.
fs::path make_phantoms(const TemporaryFolder& folder, int train_per_class = 6, int test_per_class = 2);

/// Options of `train` that finish in a fraction of a second, with images of `folder`/data.
Arguments tiny(const TemporaryFolder& folder, const std::string& out, const Arguments& more = {});

/// Gives an option that is there already another value.
void replace_value(Arguments& arguments, const std::string& option, const std::string& value);

/// A PNG of noise; makes the folders above it.
void make_png(const fs::path& path, std::uint64_t seed = 1, int side = 16);
void write_text(const fs::path& path, const std::string& text);
[[nodiscard]] std::string read_text(const fs::path& path);

/// Names and contents of what must be the same when a run is repeated or resumed: all files but the log and
/// the times.
[[nodiscard]] std::map<std::string, std::string> results_of(const fs::path& run);
/// Fails the test, naming the file, unless both runs have the same results.
void check_same_results(const fs::path& a, const fs::path& b);
/// The same names with the same contents, and at least one.
void check_same_files(const std::map<std::string, std::string>& a,
                      const std::map<std::string, std::string>& b);
/// No unfinished file is left anywhere in the run.
void check_no_leftovers(const fs::path& run);

inline auto contains(const std::string& part) {
  return Catch::Matchers::Contains(part);
}

/// The message of the xr::Error that `action` throws; fails the test if it throws none.
template <class As, class Action>
std::string error_of(Action&& action) {
  try {
    action();
  } catch (const As& error) {
    std::string message = error.what();
    CHECK(message.find('\n') == std::string::npos);
    return message;
  }
  FAIL("no error was thrown");
  return {};
}

}  // namespace xr::apps::test
