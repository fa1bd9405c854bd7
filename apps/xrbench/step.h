// xrbench step: a whole training step (forward, cross-entropy, backward, Adam) of a network on random images, or its
// forward pass in evaluation.
#pragma once

#include <string>

#include "apps/xrbench/counters/counters_table.h"
#include "kernels/backend.h"
#include "model/model.h"

namespace xr::bench {

struct StepSettings {
  model::ModelSettings model;
  kernels::BackendOptions backend;  ///< precision and choice of kernels
  bool inference = false;           ///< instead of training: the forward pass with folded batch norms
  bool cuda_graph = true;           ///< record the step and replay it, where the device can
  std::int64_t batch_size = 60;
  float learning_rate = 1e-3f;
  int threads = 0;  ///< 0: all cores that the process may use
  int warm_up = 3, steps = 20;
  int block = 0;  ///< steps between two looks at the clock, which wait for the device; 0: 10 on cuda, else 1
  bool serve = false;    ///< obey "step K" and "quit" on standard input (see peers/pytorch_step.py)
  bool profile = false;  ///< further steps, call by call
  bool json = false;
  CountersSettings counters;
  std::string write_state;  ///< file for the initial weights, the batch `input` and its `labels`
};

void run_step(const StepSettings& settings);

}  // namespace xr::bench
