#include <fmt/format.h>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "apps/http/server.h"
#include "apps/machine/machine.h"
#include "apps/mpi/process_ranks.h"
#include "apps/text/text.h"
#include "apps/xrtrain/commands/commands.h"
#include "apps/xrtrain/console.h"
#include "apps/xrtrain/errors.h"
#include "apps/xrtrain/evaluation/chosen_checkpoint.h"
#include "apps/xrtrain/options/options.h"
#include "apps/xrtrain/run/checkpoint_facts.h"
#include "apps/xrtrain/run/image_cache_folder.h"
#include "apps/xrtrain/run/machine_facts.h"
#include "data/dataset/image_set.h"
#include "data/image/image.h"
#include "engine/io/zip.h"
#include "kernels/common/parallel.h"
#include "kernels/cudnn/operations.h"
#include "kernels/registry.h"
#include "model/onnx/write.h"

namespace xr::apps {

namespace {

namespace fs = std::filesystem;

nlohmann::json devices() {
  nlohmann::json result = nlohmann::json::array();
  const auto add = [&](const std::string& name) {
    try {
      const kernels::Device device = kernels::Device::parse(name);
      const kernels::Backend& backend = kernels::backend(device);
      result.push_back({{"device", name},
                        {"available", true},
                        {"simulated", backend.is_simulated()},
                        {"description", backend.description()}});
    } catch (const Error& error) {
      result.push_back({{"device", name}, {"available", false}, {"description", error.what()}});
    }
    return result.back()["available"] == true;
  };
  add("cpu");
  // All GPUs, or why there is none.
  for (int i = 0; add(fmt::format("cuda:{}", i)); ++i) {
  }
  if (result.size() > 2) result.erase(result.size() - 1);
  add("simt");
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

/// Formats of images by identifier: whether this build reads them.
nlohmann::json image_formats() {
  nlohmann::json result = nlohmann::json::array();
  for (const data::FormatSupport& support : data::supported_formats())
    result.push_back({{"format", data::describe(support.format).id},
                      {"read", support.supported},
                      {"package", support.package}});
  return result;
}

/// "jpeg, png, ...; not tiff (install libtiff-dev and build again)".
std::string image_formats_text() {
  std::vector<std::string> read, refused;
  for (const data::FormatSupport& support : data::supported_formats()) {
    const std::string_view id = data::describe(support.format).id;
    if (support.supported)
      read.emplace_back(id);
    else
      refused.push_back(fmt::format("{} (install {} and build again)", id, support.package));
  }
  return fmt::format("images: {}{}\n", fmt::join(read, ", "),
                     refused.empty() ? "" : fmt::format("; not {}", fmt::join(refused, ", ")));
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

/// How members of archives may be packed.
const char* archives() {
  return engine::can_inflate() ? "stored, deflated"
                               : "stored; no deflated ones: install zlib1g-dev and build again";
}

/// Whether export --onnx works.
std::string onnx_writing() {
  return model::onnx::can_write()
             ? "written"
             : fmt::format("not written: install {} and build again", model::onnx::packages);
}

/// With what train runs on several machines.
std::string mpi_text() {
  return mpi::library().empty() ? fmt::format("none: install {} and build again", mpi::package)
                                : mpi::library();
}

/// With what serve answers browsers.
std::string http_text() {
  return http::library().empty() ? fmt::format("none: install {} and build again", http::package)
                                 : http::library();
}

int run_checkpoint_info(const std::string& given, bool json) {
  const ChosenCheckpoint chosen = find_checkpoint(given);
  if (!chosen.why.empty()) print_aside("note", chosen.why);
  const nlohmann::json facts = checkpoint_facts(chosen.file);
  print(json ? json_text(facts) + '\n' : checkpoint_facts_text(facts));
  return exit_done;
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
                               {"archives", archives()},
                               {"onnx", onnx_writing()},
                               {"mpi", mpi_text()},
                               {"http", http_text()},
                               {"models", models()},
                               {"presets", preset_names()},
                               {"image_formats", image_formats()},
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
    text += fmt::format("device {}: {}{}\n", device["device"].get<std::string>(),
                        device.value("simulated", false) ? "simulated, times mean nothing: " : "",
                        text::one_line(device["description"].get<std::string>()));
  if (kernels::has_cuda_backend())
    text += fmt::format("CUDA kernels for: {}\n", kernels::cuda_architectures());
  text += fmt::format("--kernels cudnn: {}\n", info["cudnn"].get<std::string>());
  text += fmt::format("--device auto: {}\n", info["device"].get<std::string>());
  for (const nlohmann::json& model : info["models"])
    text += fmt::format("model {}: {} parameters for 224 x 224 grey images, image size at least {}\n",
                        model["model"].get<std::string>(), model["parameters"].get<std::int64_t>(),
                        model["least_image_size"].get<std::int64_t>());
  text += fmt::format("archives (.npz): {}\n", info["archives"].get<std::string>());
  text += fmt::format("ONNX: {}\n", info["onnx"].get<std::string>());
  text += fmt::format("MPI: {}\n", info["mpi"].get<std::string>());
  text += fmt::format("HTTP: {}\n", info["http"].get<std::string>());
  text += fmt::format("presets: {}\n", fmt::join(preset_names(), ", "));
  text += image_formats_text();
  text += cache.empty() ? "image cache: none, because neither XRTRAIN_CACHE, XDG_CACHE_HOME nor HOME is set\n"
                        : fmt::format("image cache: {}, {}\n", text::one_line(cache.string()),
                                      text::size_text(info["cache_bytes"].get<std::uint64_t>()));
  print(text);
  return exit_done;
}

}  // namespace

void add_info_command(command_line::Command app, Action& action) {
  command_line::Command command =
      app.subcommand("info", "Describe the program and the machine, or a checkpoint");
  auto json = std::make_shared<bool>(false);
  auto checkpoint = std::make_shared<std::string>();
  command.option("checkpoint", *checkpoint, "A checkpoint, or the folder of a run: its selected checkpoint")
      .type_name("CHECKPOINT");
  command.flag("--json", *json, "Print a JSON object");
  command.example("devices, features and formats of this build", "xrtrain info");
  command.example("what a checkpoint was trained on and reached", "xrtrain info run");
  command.when_chosen([&action, json, checkpoint] {
    action = [json, checkpoint] {
      return checkpoint->empty() ? run_info(*json) : run_checkpoint_info(*checkpoint, *json);
    };
  });
}

}  // namespace xr::apps
