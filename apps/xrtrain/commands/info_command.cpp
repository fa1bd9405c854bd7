#include <fmt/format.h>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "apps/machine/machine.h"
#include "apps/text/text.h"
#include "apps/xrtrain/commands/commands.h"
#include "apps/xrtrain/console.h"
#include "apps/xrtrain/errors.h"
#include "apps/xrtrain/options/options.h"
#include "apps/xrtrain/run/image_cache_folder.h"
#include "apps/xrtrain/run/machine_facts.h"
#include "data/dataset/image_set.h"
#include "kernels/common/parallel.h"
#include "kernels/cudnn/operations.h"
#include "kernels/registry.h"

namespace xr::apps {

namespace {

namespace fs = std::filesystem;

nlohmann::json devices() {
  nlohmann::json result = nlohmann::json::array();
  for (const char* name : {"cpu", "cuda:0", "simt"}) {
    const kernels::Device device = kernels::Device::parse(name);
    try {
      result.push_back(
          {{"device", name}, {"available", true}, {"description", kernels::backend(device).description()}});
    } catch (const Error& error) {
      result.push_back({{"device", name}, {"available", false}, {"description", error.what()}});
    }
  }
  return result;
}

nlohmann::json models() {
  nlohmann::json result = nlohmann::json::array();
  for (const std::string& name : model::model_names()) {
    model::ModelSettings settings;
    settings.name = name;
    result.push_back({{"model", name},
                      {"parameters", model::parameter_count(settings)},
                      {"least_image_size", model::min_image_size(settings)}});
  }
  return result;
}

std::uint64_t folder_bytes(const fs::path& folder) {
  std::uint64_t bytes = 0;
  std::error_code code;
  for (fs::recursive_directory_iterator entry(folder, code), end; !code && entry != end;
       entry.increment(code)) {
    std::error_code ignored;
    if (const auto size = entry->file_size(ignored); !ignored) bytes += size;
  }
  return bytes;
}

int run_info(bool json) {
  const fs::path cache = image_cache_folder();
  const nlohmann::json info = {{"version", XR_VERSION},
                               {"compiler", machine::compiler_name()},
                               {"build", XR_BUILD_TYPE},
                               {"libraries", library_versions()},
                               {"system", system_name()},
                               {"processor", machine::processor_name()},
                               {"processors", std::thread::hardware_concurrency()},
                               {"threads", kernels::thread_count()},
                               {"devices", devices()},
                               {"cuda_architectures", kernels::cuda_architectures()},
                               {"cudnn", kernels::cudnn::describe_libraries()},
                               {"device", choose_device("auto").to_string()},
                               {"models", models()},
                               {"presets", preset_names()},
                               {"cache", cache.string()},
                               {"cache_bytes", cache.empty() ? 0 : folder_bytes(cache)}};
  if (json) {
    print(json_text(info) + '\n');
    return exit_done;
  }
  std::string text =
      fmt::format("xrtrain {}, {}, {} build\n", XR_VERSION, machine::compiler_name(), XR_BUILD_TYPE);
  text += fmt::format("libraries: {}\nsystem: {}\n", library_versions(), text::one_line(system_name()));
  text += fmt::format("processor: {}, {} cores, {} threads\n", info["processor"].get<std::string>(),
                      std::thread::hardware_concurrency(), kernels::thread_count());
  for (const nlohmann::json& device : info["devices"])
    text += fmt::format("device {}: {}\n", device["device"].get<std::string>(),
                        text::one_line(device["description"].get<std::string>()));
  if (kernels::has_cuda_backend())
    text += fmt::format("CUDA kernels for: {}\n", kernels::cuda_architectures());
  text += fmt::format("--kernels cudnn: {}\n", info["cudnn"].get<std::string>());
  text += fmt::format("--device auto: {}\n", info["device"].get<std::string>());
  for (const nlohmann::json& model : info["models"])
    text += fmt::format("model {}: {} parameters for 224 x 224 grey images, image size at least {}\n",
                        model["model"].get<std::string>(), model["parameters"].get<std::int64_t>(),
                        model["least_image_size"].get<std::int64_t>());
  text += fmt::format("presets: {}\n", fmt::join(preset_names(), ", "));
  text += cache.empty() ? "image cache: none, for neither XRTRAIN_CACHE, XDG_CACHE_HOME nor HOME is set\n"
                        : fmt::format("image cache: {}, {}\n", text::one_line(cache.string()),
                                      text::size_text(info["cache_bytes"].get<std::uint64_t>()));
  print(text);
  return exit_done;
}

}  // namespace

void add_info_command(command_line::Command app, Action& action) {
  command_line::Command command = app.subcommand("info", "What this program and this machine have");
  auto json = std::make_shared<bool>(false);
  command.flag("--json", *json, "Print a JSON object");
  command.when_chosen([&action, json] { action = [json] { return run_info(*json); }; });
}

}  // namespace xr::apps
