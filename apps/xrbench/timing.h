// How long a call takes: nvbench's protocol with the host's clock, or the processor's time of this process.
#pragma once

#include <functional>

namespace xr::bench {

struct TimingSettings {
  double min_time = 0.5;        ///< seconds of samples at least
  double max_time = 3;          ///< and at most
  double max_noise = 0.02;      ///< samples are taken until (p80 - p20) / median is below this, or time is up
  double batch_time = 2e-3;     ///< seconds of one sample at least: a sample is a batch of calls
  int repetitions = 0;          ///< samples, whatever the times above say; 0: as these say
  bool processor_time = false;  ///< seconds are those that the process's threads computed, not the clock's
  double warm_up = 0.05;        ///< seconds of calls before the samples, at least one call: clocks rise, too
};

struct Timing {
  double median = 0, p20 = 0, p80 = 0, fastest = 0;  ///< seconds of one call
  double noise = 0;                                  ///< (p80 - p20) / median
  int samples = 0, calls = 0;                        ///< calls: in one sample
};

/// Runs call(i) with i = 0, 1, 2, ... for the warm-up, then in batches between two calls of `synchronize`.
[[nodiscard]] Timing measure(const TimingSettings& settings, const std::function<void(int)>& call,
                             const std::function<void()>& synchronize);

}  // namespace xr::bench
