// The flags that eval and average share: how images are read, and what is printed.
#pragma once

#include "apps/command_line/command_line.h"
#include "apps/xrtrain/console.h"
#include "apps/xrtrain/distributed/ranks.h"
#include "apps/xrtrain/errors.h"

namespace xr::apps {

struct CommonFlags {
  bool strict = false, cache = true;  ///< data::LoadSettings
  bool quiet = false, json = false, verbose = false;

  void add(command_line::Command command) {
    command.flag("--strict", strict, "Stop at the first image that cannot be decoded; default: skip it");
    command.flag(
        "--cache,!--no-cache", cache,
        "Keep decoded images for the next run, in $XRTRAIN_CACHE, $XDG_CACHE_HOME/xrtrain or ~/.cache/xrtrain");
    command.flag("--quiet", quiet, "Print warnings and errors only");
    command.flag("--verbose", verbose,
                 "Print all figures: every checkpoint, metrics, thresholds, calibration");
    command.flag("--json", json, "Print one JSON object per line");
  }
  /// Rank 0 alone prints.
  [[nodiscard]] ConsoleSettings console(const Ranks& ranks) const {
    ConsoleSettings settings{quiet, json, LogLevel::info, verbose};
    settings.silent = !ranks.is_first();
    return settings;
  }
  /// Throws UsageError.
  void check() const {
    if (quiet && json) throw UsageError("--quiet and --json exclude each other: use one");
  }
};

}  // namespace xr::apps
