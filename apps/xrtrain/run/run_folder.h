// The folder of a run.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace xr::apps {

/// What a path holds, as far as runs are concerned.
enum class FolderKind { absent, empty, run, other };

/// empty: nothing, or what a run that ended before its config.toml was written leaves; other: not ours.
[[nodiscard]] FolderKind inspect_folder(const std::filesystem::path& path);

/// An open run folder. Only one program at a time writes a run: a lock on the folder itself, gone with the
/// process, sees to that.
class RunFolder {
 public:
  enum class Begin { fresh, resume, force };

  /// Makes the folder if it is not there, and locks it. fresh: refuses a folder that holds a run (UsageError)
  /// or anything else; force: removes the files of a run from it; resume: takes what is there. Throws Error
  /// that names the path and the reason.
  RunFolder(std::filesystem::path path, Begin begin);
  /// The folder that another rank has open: names alone, nothing is read or written.
  [[nodiscard]] static std::unique_ptr<RunFolder> of_another_rank(std::filesystem::path path);
  /// Removes the folder again if it was made here and nothing was written.
  ~RunFolder();
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;

  /// False where the file system has no locks: nothing keeps a second program out of the folder.
  [[nodiscard]] bool locked() const { return locked_; }
  /// Whether it holds a run that was begun before.
  [[nodiscard]] bool has_run() const;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::filesystem::path config() const { return path_ / "config.toml"; }
  [[nodiscard]] std::filesystem::path checkpoints() const { return path_ / "checkpoints"; }
  [[nodiscard]] std::filesystem::path checkpoint(std::int64_t epoch) const;
  [[nodiscard]] std::filesystem::path events() const;
  [[nodiscard]] std::filesystem::path resume_state() const { return path_ / "resume.safetensors"; }
  [[nodiscard]] std::filesystem::path file(const char* name) const { return path_ / name; }

  /// Makes checkpoints/, with_events tensorboard/, and removes what a killed program left unfinished.
  void prepare(bool with_events) const;

 private:
  explicit RunFolder(std::filesystem::path path) : path_(std::move(path)) {}
  void lock();

  std::filesystem::path path_;
  int descriptor_ = -1;
  bool made_ = false, locked_ = false;
};

/// RUN/checkpoints/07.safetensors
[[nodiscard]] std::filesystem::path checkpoint_path(const std::filesystem::path& run, std::int64_t epoch);
/// RUN/tensorboard/events.out.tfevents.0.xrtrain: 0 and the program's name where TensorFlow has the time and
/// the host's name.
[[nodiscard]] std::filesystem::path events_path(const std::filesystem::path& run);
/// Epochs of the checkpoints in a run folder, ascending.
[[nodiscard]] std::vector<std::int64_t> list_checkpoints(const std::filesystem::path& run);
/// Bytes that a program without privileges can still write there.
[[nodiscard]] std::uint64_t free_space(const std::filesystem::path& folder);

}  // namespace xr::apps
