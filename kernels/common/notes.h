// What backends have to tell about their decisions: this folder has no log, so a program gives it one.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace xr::kernels {

enum class NoteLevel : std::uint8_t { debug, info };

using NoteSink = std::function<void(NoteLevel, const std::string&)>;

/// From now on notes go to `sink`, one line each; to nobody if it is empty. Usable from several threads.
void set_note_sink(NoteSink sink);

void note(NoteLevel level, const std::string& text);

}  // namespace xr::kernels
