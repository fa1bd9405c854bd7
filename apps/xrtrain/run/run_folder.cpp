#include "apps/xrtrain/run/run_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <set>

#include "apps/text/text.h"
#include "apps/xrtrain/errors.h"

namespace xr::apps {

namespace fs = std::filesystem;

namespace {

const std::set<std::string> run_files{"config.toml",        "history.csv",          "timing.csv",
                                      "eval.csv",           "summary.json",         "log.txt",
                                      "resume.safetensors", "metrics.json",         "predictions.csv",
                                      "report.html",        "findings.json",        "provenance.json",
                                      "skipped.csv",        "initial_weights.json", "seen_images.txt"};

bool is_temporary(const fs::path& path) {
  return path.extension() == ".tmp";
}

// The epoch of "07.safetensors", or nothing.
std::optional<std::int64_t> epoch_of(const fs::path& path) {
  if (path.extension() != ".safetensors") return {};
  const std::string stem = path.stem().string();
  std::int64_t epoch = -1;
  const auto [stop, code] = std::from_chars(stem.data(), stem.data() + stem.size(), epoch);
  if (code != std::errc() || stop != stem.data() + stem.size() || epoch < 0) return {};
  return epoch;
}

// Files that a run may have written, and nothing else.
std::vector<fs::path> files_of_run(const fs::path& path) {
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(path)) {
    const fs::path name = is_temporary(entry.path()) ? entry.path().stem() : entry.path().filename();
    if (run_files.contains(name.string())) files.push_back(entry.path());
  }
  if (fs::is_directory(path / "checkpoints"))
    for (const fs::directory_entry& entry : fs::directory_iterator(path / "checkpoints"))
      if (epoch_of(is_temporary(entry.path()) ? entry.path().stem() : entry.path()))
        files.push_back(entry.path());
  for (const fs::path& events : {events_path(path), fs::path(events_path(path).string() + ".tmp")})
    if (fs::exists(events)) files.push_back(events);
  return files;
}

}  // namespace

FolderKind inspect_folder(const fs::path& path) {
  try {
    if (!fs::exists(path)) return FolderKind::absent;
    if (!fs::is_directory(path)) return FolderKind::other;
    if (fs::is_regular_file(path / "config.toml")) return FolderKind::run;
    for (const fs::directory_entry& entry : fs::directory_iterator(path)) {
      const bool left_by_force = entry.path().filename() == "checkpoints" && fs::is_empty(entry.path());
      if (entry.path().filename() != "config.toml.tmp" && !left_by_force) return FolderKind::other;
    }
    return FolderKind::empty;
  } catch (const fs::filesystem_error& error) {
    throw Error(fmt::format("cannot read {}: {}", path.string(), error.code().message()));
  }
}

RunFolder::RunFolder(fs::path path, Begin begin) : path_(std::move(path)) {
  const FolderKind kind = inspect_folder(path_);
  if (kind == FolderKind::other)
    throw UsageError(fmt::format("--out {} exists and is not a run of this program: choose another folder",
                                 path_.string()));
  if (kind == FolderKind::run && begin == Begin::fresh)
    throw UsageError(
        fmt::format("--out {} holds a run already: use --resume to continue it, --force to "
                    "replace it, or another folder",
                    path_.string()));
  std::error_code code;
  made_ = kind == FolderKind::absent;
  fs::create_directories(path_, code);
  XR_CHECK(!code, "cannot make the folder {}: {}; choose another --out", path_.string(), code.message());
  try {
    lock();
    XR_CHECK(::access(path_.c_str(), W_OK | X_OK) == 0, "cannot write into {}: {}; choose another --out",
             path_.string(), std::strerror(errno));
    if (begin == Begin::force && kind == FolderKind::run) {
      // config.toml last: until then it is a run that --force may replace.
      for (const fs::path& file : files_of_run(path_))
        if (file != config()) fs::remove(file);
      ::rmdir(events().parent_path().c_str());  // fails, as it should, where others have files in it
      fs::remove(config());
    }
  } catch (const fs::filesystem_error& error) {
    if (descriptor_ >= 0) ::close(descriptor_);
    throw Error(fmt::format("cannot empty {}: {}", path_.string(), error.code().message()));
  } catch (...) {
    if (descriptor_ >= 0) ::close(descriptor_);
    throw;
  }
}

std::unique_ptr<RunFolder> RunFolder::of_another_rank(fs::path path) {
  return std::unique_ptr<RunFolder>(new RunFolder(std::move(path)));
}

RunFolder::~RunFolder() {
  std::error_code ignored;
  if (made_) fs::remove(path_, ignored);  // fails, as it should, unless the folder is empty
  if (descriptor_ >= 0) ::close(descriptor_);
}

void RunFolder::lock() {
  descriptor_ = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  XR_CHECK(descriptor_ >= 0, "cannot open {}: {}", path_.string(), std::strerror(errno));
  locked_ = ::flock(descriptor_, LOCK_EX | LOCK_NB) == 0;
  if (locked_) return;
  const int reason = errno;
  XR_CHECK(reason != EWOULDBLOCK, "{} is in use by another xrtrain: wait for it, or choose another --out",
           path_.string());
  // File systems without locks: no reason not to run; locked() says so.
}

bool RunFolder::has_run() const {
  return inspect_folder(path_) == FolderKind::run;
}

fs::path RunFolder::checkpoint(std::int64_t epoch) const {
  return checkpoint_path(path_, epoch);
}

fs::path RunFolder::events() const {
  return events_path(path_);
}

void RunFolder::prepare(bool with_events) const {
  try {
    fs::create_directories(checkpoints());
    if (with_events) fs::create_directories(events().parent_path());
    for (const fs::path& file : files_of_run(path_))
      if (is_temporary(file)) fs::remove(file);
  } catch (const fs::filesystem_error& error) {
    throw Error(fmt::format("cannot write into {}: {}", path_.string(), error.code().message()));
  }
}

fs::path checkpoint_path(const fs::path& run, std::int64_t epoch) {
  return run / "checkpoints" / fmt::format("{:02d}.safetensors", epoch);
}

fs::path events_path(const fs::path& run) {
  return run / "tensorboard" / "events.out.tfevents.0.xrtrain";
}

std::vector<std::int64_t> list_checkpoints(const fs::path& run) {
  std::vector<std::int64_t> epochs;
  std::error_code code;
  for (const fs::directory_entry& entry : fs::directory_iterator(run / "checkpoints", code))
    if (const auto epoch = epoch_of(entry.path())) epochs.push_back(*epoch);
  std::ranges::sort(epochs);
  return epochs;
}

std::uint64_t free_space(const fs::path& folder) {
  struct statvfs status {};
  XR_CHECK(::statvfs(folder.c_str(), &status) == 0, "cannot read the free space of {}: {}", folder.string(),
           std::strerror(errno));
  return std::uint64_t{status.f_bavail} * status.f_frsize;
}

}  // namespace xr::apps
