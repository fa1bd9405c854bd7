// The flags that eval and average share: how images are read, and what is printed.
#pragma once

#include "apps/command_line/command_line.h"
#include "apps/xrtrain/errors.h"

namespace xr::apps {

struct CommonFlags {
  bool strict = false, cache = true;  ///< data::LoadSettings
  bool quiet = false, json = false, verbose = false;

  void add(command_line::Command command) {
    command.flag("--strict", strict, "End at the first image that cannot be decoded");
    command.flag(
        "--cache,!--no-cache", cache,
        "Keep decoded images for the next run: in $XRTRAIN_CACHE, else $XDG_CACHE_HOME/xrtrain, else "
        "~/.cache/xrtrain");
    command.flag("--quiet", quiet, "Show warnings and errors only");
    command.flag("--verbose", verbose,
                 "Show all figures: every checkpoint, metrics, thresholds, calibration");
    command.flag("--json", json, "Show a JSON object a line instead of text");
  }
  /// Throws UsageError.
  void check() const {
    if (quiet && json) throw UsageError("--quiet and --json exclude each other: use one");
  }
};

}  // namespace xr::apps
