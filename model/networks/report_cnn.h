// The report's network: a textbook CNN of two convolutions and three fully connected layers.
//
//   shape for 1 x 224 x 224 and padding 2     layer
//   32 x 113 x 113    layer1: Conv2d(C, 32, 3, padding) + BatchNorm2d + ReLU + MaxPool2d(2)
//   64 x 55 x 55      layer2: Conv2d(32, 64, 3) + BatchNorm2d + ReLU + MaxPool2d(2)
//   600               fc1, drop: Linear(64 * 55 * 55, 600), Dropout
//   120, classes      fc2, fc3: Linear, Linear; no activation between the three
#pragma once

#include "model/initializer.h"
#include "model/model.h"
#include "model/sequential.h"

namespace xr::model {

/// Channels of the convolutions and outputs of the hidden layers; the report's by default.
struct ReportCnnWidths {
  std::int64_t layer1 = 32, layer2 = 64, fc1 = 600, fc2 = 120;
};

class ReportCnn final : public Sequential {
 public:
  ReportCnn(const ModelSettings& settings, Initializer initializer, const ReportCnnWidths& widths = {});
};

}  // namespace xr::model
