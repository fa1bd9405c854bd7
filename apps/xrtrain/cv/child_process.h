// This program, run again as a child process: one fold of a cross-validation each, several at a time.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace xr::apps {

/// A child that runs, in a process group of its own: Ctrl-C reaches this process alone, which tells the
/// others.
struct ChildProcess {
  int id = -1;
  std::size_t task = 0;
};

/// Starts this executable with `arguments` (without its own name); what it says goes to the file `output`. Its environment
/// is that of this process, where `environment` does not change it, without what a launcher of several processes put
/// there: it is alone. Throws Error.
[[nodiscard]] ChildProcess start_child(std::size_t task, const std::vector<std::string>& arguments,
                                       const std::filesystem::path& output,
                                       const std::map<std::string, std::string>& environment = {});

struct EndedChild {
  std::size_t task = 0;
  int status = 0;  ///< of its exit, or 128 + the signal that ended it
};
/// Takes a child that has ended out of the list; nothing if there is none.
[[nodiscard]] std::optional<EndedChild> take_ended_child(std::vector<ChildProcess>& children);
/// Waits for any of `children` and takes it out of the list; nothing once this process is interrupted.
[[nodiscard]] std::optional<EndedChild> wait_for_child(std::vector<ChildProcess>& children);

/// Asks all to end, as Ctrl-C does, and waits until they have.
void end_children(std::vector<ChildProcess>& children) noexcept;

}  // namespace xr::apps
