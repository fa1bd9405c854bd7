#include "apps/xrbench/timing.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <vector>

#include "apps/xrbench/machine.h"

namespace xr::bench {

namespace {

constexpr int min_samples = 5, max_calls = 1 << 16;

double processor_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double clock_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

class Sampler {
 public:
  Sampler(const TimingSettings& settings, const std::function<void(int)>& call,
          const std::function<void()>& synchronize)
      : now_(settings.processor_time ? processor_seconds : clock_seconds),
        call_(call),
        synchronize_(synchronize) {}

  /// Seconds that a batch takes.
  double batch(int calls) {
    synchronize_();
    const double start = now_();
    for (int i = 0; i < calls; ++i) call_(next_++);
    synchronize_();
    return now_() - start;
  }

 private:
  double (*now_)();
  const std::function<void(int)>& call_;
  const std::function<void()>& synchronize_;
  int next_ = 0;
};

/// Calls for a batch of about `wanted` seconds.
int batch_length(Sampler& sampler, double wanted) {
  for (int calls = 1;;) {
    const double seconds = sampler.batch(calls);
    if (seconds >= wanted || calls >= max_calls) return calls;
    const double factor = std::clamp(1.2 * wanted / std::max(seconds, 1e-9), 2.0, 100.0);
    calls = static_cast<int>(std::min<double>(max_calls, calls * factor));
  }
}

}  // namespace

Timing measure(const TimingSettings& settings, const std::function<void(int)>& call,
               const std::function<void()>& synchronize) {
  Sampler sampler(settings, call, synchronize);
  // Warm-up: caches, workspaces, lazily loaded code, the clocks of the processor.
  double warm = sampler.batch(1);
  for (int calls = 1; warm < settings.warm_up; calls = std::min(2 * calls, max_calls))
    warm += sampler.batch(calls);
  Timing timing;
  timing.calls = batch_length(sampler, settings.batch_time);
  std::vector<double> samples;
  for (double total = 0;;) {
    const double seconds = sampler.batch(timing.calls);
    total += seconds;
    samples.push_back(seconds / timing.calls);
    timing.samples = static_cast<int>(samples.size());
    timing.median = quantile(samples, 0.5);
    timing.p20 = quantile(samples, 0.2);
    timing.p80 = quantile(samples, 0.8);
    timing.noise = (timing.p80 - timing.p20) / timing.median;
    const bool enough = timing.samples >= min_samples && total >= settings.min_time &&
                        (timing.noise <= settings.max_noise || total >= settings.max_time);
    if (settings.repetitions > 0 ? timing.samples >= settings.repetitions : enough) break;
  }
  timing.fastest = *std::ranges::min_element(samples);
  return timing;
}

}  // namespace xr::bench
