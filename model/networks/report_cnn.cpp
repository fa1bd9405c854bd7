#include "model/networks/report_cnn.h"

#include "engine/ops/reshape.h"

namespace xr::model {

ReportCnn::Block::Block(Initializer& initializer, std::int64_t in, std::int64_t out, std::int64_t padding)
    : conv(initializer, in, out, {.kernel = 3, .padding = padding}), norm(initializer.device, out) {
  register_module("0", conv);
  register_module("1", norm);
}

Tensor ReportCnn::Block::forward(const Tensor& x) {
  return observed(norm.forward_relu(conv.forward(x), true));
}

std::int64_t ReportCnn::final_extent(std::int64_t image_size, std::int64_t padding) {
  return ((image_size + 2 * padding - 2) / 2 - 2) / 2;
}

ReportCnn::ReportCnn(const ModelSettings& settings, const ReportCnnWidths& widths)
    : initializer_{settings.seed, settings.device},
      layer1_(initializer_, settings.channels, widths.layer1, settings.padding),
      layer2_(initializer_, widths.layer1, widths.layer2, 0),
      fc1_(initializer_,
           widths.layer2 * final_extent(settings.image_size, settings.padding) *
               final_extent(settings.image_size, settings.padding),
           widths.fc1),
      drop_(initializer_, settings.dropout),
      fc2_(initializer_, widths.fc1, widths.fc2),
      fc3_(initializer_, widths.fc2, settings.classes) {
  register_module("layer1", layer1_);
  register_module("layer2", layer2_);
  register_module("fc1", fc1_);
  register_module("drop", drop_);
  register_module("fc2", fc2_);
  register_module("fc3", fc3_);
}

Tensor ReportCnn::forward(const Tensor& x) {
  const Tensor features = engine::flatten(layer2_.forward(layer1_.forward(x)));
  return observed(fc3_.forward(fc2_.forward(drop_.forward(fc1_.forward(features)))));
}

}  // namespace xr::model
