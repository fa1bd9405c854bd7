#include "kernels/common/notes.h"

#include <mutex>
#include <utility>

namespace xr::kernels {

namespace {

struct Sink {
  std::mutex mutex;
  NoteSink function;
};

Sink& sink() {
  static Sink instance;
  return instance;
}

}  // namespace

void set_note_sink(NoteSink function) {
  const std::lock_guard lock(sink().mutex);
  sink().function = std::move(function);
}

void note(NoteLevel level, const std::string& text) {
  const std::lock_guard lock(sink().mutex);
  if (sink().function) sink().function(level, text);
}

}  // namespace xr::kernels
