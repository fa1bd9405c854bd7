#include "model/model.h"

#include <map>

#include "engine/core/autograd.h"
#include "engine/ops/sum.h"
#include "tests/engine/support.h"

using namespace xr;
using namespace xr::model;
using namespace xr::engine;
using namespace xr::engine::test;
using Catch::Matchers::Contains;

namespace {

ModelSettings settings_of(const std::string& name, std::int64_t channels, std::int64_t image_size,
                          std::int64_t padding = 2, std::int64_t classes = 2) {
  ModelSettings settings;
  settings.name = name;
  settings.channels = channels;
  settings.image_size = image_size;
  settings.padding = padding;
  settings.classes = classes;
  return settings;
}

std::int64_t count_parameters(const Module& module) {
  std::int64_t count = 0;
  for (const NamedTensor& parameter : module.parameters()) count += parameter.tensor.numel();
  return count;
}

std::vector<std::string> described(const std::vector<NamedTensor>& tensors) {
  std::vector<std::string> lines;
  for (const NamedTensor& tensor : tensors)
    lines.push_back(fmt::format("{} {} {}", tensor.name, kernels::name_of(tensor.tensor.dtype()),
                                tensor.tensor.shape().to_string()));
  return lines;
}

}  // namespace

// As printed by PyTorch's state_dict() of the same network (tests/golden/README.md).
TEST_CASE("report_cnn has PyTorch's state dict") {
  const auto network = make_model(settings_of("report_cnn", 3, 20, 2, 5));
  CHECK(described(network->state()) == std::vector<std::string>{
                                           "layer1.0.weight f32 [32, 3, 3, 3]",
                                           "layer1.0.bias f32 [32]",
                                           "layer1.1.weight f32 [32]",
                                           "layer1.1.bias f32 [32]",
                                           "layer1.1.running_mean f32 [32]",
                                           "layer1.1.running_var f32 [32]",
                                           "layer1.1.num_batches_tracked i64 []",
                                           "layer2.0.weight f32 [64, 32, 3, 3]",
                                           "layer2.0.bias f32 [64]",
                                           "layer2.1.weight f32 [64]",
                                           "layer2.1.bias f32 [64]",
                                           "layer2.1.running_mean f32 [64]",
                                           "layer2.1.running_var f32 [64]",
                                           "layer2.1.num_batches_tracked i64 []",
                                           "fc1.weight f32 [600, 1024]",
                                           "fc1.bias f32 [600]",
                                           "fc2.weight f32 [120, 600]",
                                           "fc2.bias f32 [120]",
                                           "fc3.weight f32 [5, 120]",
                                           "fc3.bias f32 [5]",
                                       });
  CHECK(network->parameters().size() == 14);
}

TEST_CASE("xray_resnet has torchvision's kind of names") {
  const auto network = make_model(settings_of("xray_resnet", 1, 32));
  const std::vector<std::string> state = described(network->state());
  for (const char* line :
       {"conv1.weight f32 [32, 1, 5, 5]", "bn1.running_var f32 [32]",
        "layer1.0.conv1.weight f32 [32, 32, 3, 3]", "layer1.1.bn2.bias f32 [32]",
        "layer2.0.downsample.0.weight f32 [64, 32, 1, 1]", "layer2.0.downsample.1.num_batches_tracked i64 []",
        "layer4.1.conv2.weight f32 [256, 256, 3, 3]", "fc.weight f32 [2, 256]", "fc.bias f32 [2]"})
    CHECK(std::count(state.begin(), state.end(), line) == 1);
  CHECK(std::none_of(state.begin(), state.end(),
                     [](const std::string& line) { return line.starts_with("layer1.0.downsample"); }));
  std::vector<std::string> sorted = state;
  std::sort(sorted.begin(), sorted.end());
  CHECK(std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end());
}

TEST_CASE("report_cnn has the report's number of parameters") {
  CHECK(parameter_count(settings_of("report_cnn", 3, 224)) == 116252546);
  for (const std::int64_t padding : {1, 2})
    CHECK(make_model_shapes(settings_of("report_cnn", 3, 224, padding))->find("fc1")->parameter_count() ==
          (64 * 55 * 55 + 1) * 600);
}

TEST_CASE("parameter_count is what is built") {
  for (const std::int64_t channels : {1, 3})
    for (const std::int64_t classes : {2, 7})
      for (const std::int64_t size : {20, 33})
        for (const std::int64_t padding : {0, 1, 2}) {
          const ModelSettings settings = settings_of("report_cnn", channels, size, padding, classes);
          CAPTURE(channels, classes, size, padding);
          CHECK(parameter_count(settings) == count_parameters(*make_model(settings)));
        }
  for (const std::int64_t channels : {1, 3})
    for (const std::int64_t classes : {2, 7}) {
      const ModelSettings settings = settings_of("xray_resnet", channels, 32, 2, classes);
      CHECK(parameter_count(settings) == count_parameters(*make_model(settings)));
    }
  const std::int64_t residual = parameter_count(settings_of("xray_resnet", 1, 224));
  CHECK(residual > 1000000);
  CHECK(residual < 3000000);
}

TEST_CASE("the least image size works and one less is refused") {
  for (const std::string& name : model_names())
    for (const std::int64_t padding : {0, 1, 2, 8}) {
      if (padding != 2 && name != "report_cnn") continue;  // which alone has it
      ModelSettings settings = settings_of(name, 1, 0, padding);
      settings.image_size = min_image_size(settings);
      CAPTURE(name, padding, settings.image_size);
      const auto network = make_model(settings);
      const Tensor images = random_tensor({3, 1, settings.image_size, settings.image_size}, 1);
      const Tensor logits = (*network)(images);
      CHECK(logits.shape() == Shape{3, 2});
      sum(logits).backward();
      for (const NamedTensor& parameter : network->parameters()) CHECK(parameter.tensor.grad().defined());
      network->set_training(false);
      for (const float logit : (*network)(images).to_host()) CHECK(std::isfinite(logit));

      const std::int64_t least = settings.image_size--;
      CHECK_THAT(error_of([&] { (void)make_model(settings); }),
                 Contains(fmt::format("image size of {}", least - 1)) && Contains(name) &&
                     Contains(fmt::format("at least {}", least)));
    }
  CHECK(min_image_size(settings_of("report_cnn", 1, 224, 2)) == 6);
  CHECK(min_image_size(settings_of("report_cnn", 1, 224, 0)) == 10);
}

TEST_CASE("odd and even image sizes work and shapes are known before") {
  for (const std::string& name : model_names())
    for (std::int64_t size : {17, 18, 19, 23}) {
      size = std::max(size, min_image_size(settings_of(name, 3, 0)) + size % 4);
      const auto network = make_model(settings_of(name, 3, size, 1, 4));
      const auto shapes = make_model_shapes(settings_of(name, 3, size, 1, 4));
      std::map<std::string, Shape> outputs;
      for (const NamedModule& module : network->modules())
        module.module->observe([&, module](const Tensor& output) {
          outputs[module.name] = output.shape();
          return output;
        });
      CHECK((*network)(random_tensor({2, 3, size, size}, 1)).shape() == Shape{2, 4});
      CHECK(shapes->output_shape({2, 3, size, size}) == Shape{2, 4});
      Shape x{2, 3, size, size};
      for (const NamedModule& module : shapes->modules()) {
        if (module.name.find('.') != std::string::npos) continue;
        CAPTURE(name, size, module.name);
        x = module.module->output_shape(x);
        CHECK(x == outputs.at(module.name));
      }
    }
}

TEST_CASE("senseless settings are refused") {
  const auto message = [](void (*change)(ModelSettings&)) {
    ModelSettings settings = settings_of("report_cnn", 1, 32);
    change(settings);
    return error_of([&] { (void)make_model(settings); });
  };
  CHECK_THAT(message([](ModelSettings& s) { s.name = "resnet51"; }),
             Contains("resnet51") && Contains("report_cnn") && Contains("xray_resnet"));
  CHECK_THAT(message([](ModelSettings& s) { s.channels = 2; }), Contains("channels is 2"));
  CHECK_THAT(message([](ModelSettings& s) { s.classes = 1; }), Contains("2 classes, not 1"));
  CHECK_THAT(message([](ModelSettings& s) { s.padding = -1; }), Contains("padding is -1"));
  CHECK_THAT(message([](ModelSettings& s) { s.padding = 9; }), Contains("padding is 9"));
  CHECK_THAT(message([](ModelSettings& s) { s.dropout = 1.0f; }), Contains("dropout is 1"));
  CHECK_THAT(message([](ModelSettings& s) { s.dropout = -0.5f; }), Contains("dropout is -0.5"));
  CHECK_THAT(message([](ModelSettings& s) { s.dropout = std::nanf(""); }), Contains("dropout is nan"));
  CHECK_THAT(message([](ModelSettings& s) { s.image_size = 0; }), Contains("at least 6"));
  CHECK_THAT(message([](ModelSettings& s) { s.image_size = -5; }), Contains("at least 6"));
}

TEST_CASE("networks refuse images of another size or channels") {
  const auto network = make_model(settings_of("report_cnn", 1, 32));
  CHECK_THAT(error_of([&] {
               (void)(*network)(random_tensor({2, 3, 32, 32}, 1));
             }),
             Contains("[2, 3, 32, 32]"));
  CHECK_THAT(error_of([&] { (void)(*network)(random_tensor({2, 1, 40, 40}, 1)); }), Contains("linear"));
}

TEST_CASE("evaluation is repeatable and changes nothing") {
  for (const std::string& name : model_names()) {
    const auto network = make_model(settings_of(name, 1, 32));
    const Tensor images = random_tensor({4, 1, 32, 32}, 1);
    (void)(*network)(images);
    network->set_training(false);
    std::vector<Tensor> before;
    for (const NamedTensor& tensor : network->state()) before.push_back(tensor.tensor.clone());
    const Tensor first = (*network)(images), second = (*network)(images);
    CHECK(same_bytes(first, second));
    const NoGradGuard no_grad;  // another path of the fused operations
    CHECK(relative_error((*network)(images), first) <= 1e-5);
    const std::vector<NamedTensor> after = network->state();
    for (std::size_t i = 0; i < after.size(); ++i) CHECK(same_bytes(after[i].tensor, before[i]));
    // The logits of an image do not depend on its batch.
    const std::vector<float> pixels = images.to_host();
    const Tensor alone = Tensor::from_host(std::span<const float>(pixels).first(1024), {1, 1, 32, 32});
    const std::vector<float> both = first.to_host();
    CHECK(relative_error((*network)(alone).to_host(), std::vector<float>(both.begin(), both.begin() + 2)) <=
          1e-5);
  }
}

TEST_CASE("the seed decides the initial weights") {
  for (const std::string& name : model_names()) {
    if (name == "resnet34" || name == "resnet50") continue;  // resnet18 has their layers, at half the size
    ModelSettings settings = settings_of(name, 1, 32);
    const auto first = make_model(settings), again = make_model(settings);
    settings.seed = 1;
    const auto other = make_model(settings);
    const auto weights = [](const Module& network) { return network.parameters()[0].tensor.to_host(); };
    CHECK(weights(*first) == weights(*again));
    CHECK(weights(*first) != weights(*other));
  }
}

TEST_CASE("the smallest batch for training is where the network says it is") {
  for (const std::string& name : model_names())
    for (const std::int64_t image_size : {16, 24, 32, 33, 34, 48, 64}) {
      const ModelSettings settings = settings_of(name, 1, image_size);
      if (image_size < min_image_size(settings)) continue;
      CAPTURE(name, image_size);
      const auto network = make_model(settings);
      const Tensor one = random_tensor({1, 1, image_size, image_size}, 1);
      if (min_training_batch(settings) == 1)
        CHECK_NOTHROW((void)(*network)(one));
      else
        CHECK_THROWS_WITH((void)(*network)(one), Contains("more than one value per channel"));
    }
}
