#include "apps/xrtrain/console.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <nlohmann/json.hpp>

#include "apps/text/text.h"
#include "apps/xrtrain/colour.h"
#include "kernels/common/error.h"
#include "kernels/common/notes.h"

namespace xr::apps {

namespace {

std::string stamped(const std::string& text) {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  char time[32];
  (void)std::strftime(time, sizeof time, "%Y-%m-%d %H:%M:%S", &local);
  return fmt::format("{} {}\n", time, text);
}

}  // namespace

std::string json_text(const nlohmann::json& value) {
  return text::printable_json(value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

double now_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void print_aside(const char* kind, const std::string& text) {
  const bool is_warning = std::strcmp(kind, "warning") == 0;
  const std::string name = coloured(kind, Colour::yellow, is_warning && has_colours(STDERR_FILENO));
  (void)std::fputs(fmt::format("xrtrain: {}: {}\n", name, text::one_line(text)).c_str(), stderr);
}

void print(const std::string& text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  XR_CHECK(written && std::fflush(stdout) == 0, "cannot write to standard output: {}", std::strerror(errno));
}

Console::Console(const ConsoleSettings& settings)
    : settings_(settings),
      terminal_(!settings.silent && !settings.quiet && !settings.json && is_terminal(STDOUT_FILENO)),
      lines_(settings.progress_seconds) {
  kernels::set_note_sink([this](kernels::NoteLevel level, const std::string& text) {
    print_line(level == kernels::NoteLevel::info ? LogLevel::info : LogLevel::debug, text, true);
  });
}

Console::~Console() {
  kernels::set_note_sink({});
  if (progress_shown_) {
    (void)std::fputs("\r\033[K", stdout);
    (void)std::fflush(stdout);
  }
  if (log_ >= 0) ::close(log_);
}

void Console::print_line(LogLevel level, const std::string& text, bool shown, const Mark& mark) {
  const std::lock_guard lock(mutex_);
  if (settings_.silent || level < settings_.level) return;
  const std::string before = mark.text.empty() ? "" : fmt::format("[{}] ", mark.text);
  log(before + text);
  if (!shown || settings_.quiet || settings_.json) return;
  clear_progress();
  if (!before.empty())
    print(fmt::format("[{}] ", coloured(mark.text, mark.colour, terminal_ && has_colours(STDOUT_FILENO))));
  print(text::one_line(text) + '\n');
}

void Console::warn(const char* id, const std::string& text, bool serious) {
  if (settings_.silent) return;
  {
    const std::lock_guard lock(mutex_);
    if (!warned_.emplace(id, text).second) return;
    if (serious) serious_.emplace_back(id);
  }
  event("warning", {{"id", id}, {"text", text}});
  const std::lock_guard lock(mutex_);
  log("warning: " + text);
  clear_progress();
  print_aside("warning", text);
}

std::string Console::warnings_text() {
  const std::lock_guard lock(mutex_);
  if (warned_.empty()) return {};
  std::string text = fmt::format("{} warning{}", warned_.size(), warned_.size() == 1 ? "" : "s");
  if (!serious_.empty())
    text += fmt::format(", {} of them serious ({})", serious_.size(), fmt::join(serious_, ", "));
  return text;
}

void Console::event(const char* kind, const nlohmann::json& fields) {
  if (settings_.silent || !settings_.json) return;
  const std::lock_guard lock(mutex_);
  nlohmann::json object = {{"event", kind}};
  object.update(fields);
  print(json_text(object) + '\n');
}

void Console::event_text(const char* kind, const std::string& fields) {
  if (settings_.json) event(kind, nlohmann::json::parse(fields));
}

void Console::progress(const std::string& label, std::size_t done, std::size_t total,
                       const std::string& note) {
  if (settings_.silent || settings_.quiet || settings_.json || settings_.level > LogLevel::info) return;
  const std::lock_guard lock(mutex_);
  const double now = now_seconds();
  if (!terminal_) {
    if (const auto text = lines_.line(label, done, total, note, now)) print(text::one_line(*text) + '\n');
    return;
  }
  if (progress_shown_ && (done < total || total == 0) && now - last_progress_ < 0.1) return;
  last_progress_ = now;
  constexpr std::size_t width = 30;
  const std::size_t filled = total == 0 ? 0 : std::min(width, done * width / total);
  print(fmt::format("\r\033[K{} [{:#<{}}{:.<{}}] {}{}{}", label, "", filled, "", width - filled,
                    count_text(done, total), note.empty() ? "" : "  ", note));
  progress_shown_ = true;
}

void Console::clear_progress() {
  if (progress_shown_) print("\r\033[K");
  progress_shown_ = false;
}

void Console::log(const std::string& text) {
  const std::string line = stamped(text::one_line(text));
  if (log_ < 0) {
    before_log_.push_back(line);
    return;
  }
  // One call a line: a line is there or not.
  const ssize_t written = ::write(log_, line.data(), line.size());
  XR_CHECK(written == static_cast<ssize_t>(line.size()), "cannot write {}: {}", log_path_.string(),
           written < 0 ? std::strerror(errno) : "no space left");
}

void Console::open_log(const std::filesystem::path& path) {
  const std::lock_guard lock(mutex_);
  log_path_ = path;
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  XR_CHECK(file >= 0, "cannot write {}: {}", path.string(), std::strerror(errno));
  std::string text;
  for (const std::string& line : before_log_) text += line;
  before_log_.clear();
  log_ = file;
  const ssize_t written = ::write(log_, text.data(), text.size());
  XR_CHECK(written == static_cast<ssize_t>(text.size()), "cannot write {}: {}", path.string(),
           written < 0 ? std::strerror(errno) : "no space left");
}

}  // namespace xr::apps
