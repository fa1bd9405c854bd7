#include "model/networks/report_cnn.h"

#include "model/layers/batch_norm2d.h"
#include "model/layers/conv2d.h"
#include "model/layers/dropout.h"
#include "model/layers/flatten.h"
#include "model/layers/linear.h"

namespace xr::model {

namespace {

void add_block(ReportCnn& network, const std::string& name, Initializer& initializer, std::int64_t in,
               std::int64_t out, std::int64_t padding) {
  auto& block = network.add<Sequential>(name);
  block.add<Conv2d>("0", initializer, in, out, Conv2dOptions{.kernel = 3, .padding = padding});
  block.add<BatchNorm2d>("1", initializer, out, BatchNorm2dOptions{.relu = true, .max_pool = true});
}

}  // namespace

ReportCnn::ReportCnn(const ModelSettings& settings, Initializer initializer, const ReportCnnWidths& widths) {
  add_block(*this, "layer1", initializer, settings.channels, widths.layer1, settings.padding);
  add_block(*this, "layer2", initializer, widths.layer1, widths.layer2, 0);
  add<Flatten>("flatten");
  const Shape features = output_shape({2, settings.channels, settings.image_size, settings.image_size});
  add<Linear>("fc1", initializer, features[1], widths.fc1);
  add<Dropout>("drop", initializer, settings.dropout);
  add<Linear>("fc2", initializer, widths.fc1, widths.fc2);
  add<Linear>("fc3", initializer, widths.fc2, settings.classes);
}

}  // namespace xr::model
