#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <thread>

#include "apps/http/request_check.h"
#include "apps/http/server.h"
#include "apps/text/text.h"
#include "apps/xrtrain/commands/commands.h"
#include "apps/xrtrain/console.h"
#include "apps/xrtrain/errors.h"
#include "apps/xrtrain/interrupt.h"
#include "apps/xrtrain/options/machine_options.h"
#include "apps/xrtrain/serve/site.h"

namespace xr::apps {

namespace {

constexpr int default_port = 8520;
constexpr std::size_t max_waiting = 16;  // for the network

struct ServeOptions {
  std::string run, data;
  http::ServerSettings server;
  std::string device = "auto";
  std::int64_t threads = 0;
};

/// "http://[::1]:8520/"
std::string address_of(const std::string& host, int port) {
  const bool colons = host.find(':') != std::string::npos;
  return fmt::format("http://{}{}{}:{}/", colons ? "[" : "", host, colons ? "]" : "", port);
}

std::unique_ptr<http::Server> listen(const http::ServerSettings& settings, http::Server::Handler handler) {
  try {
    return http::Server::listen(settings, std::move(handler));
  } catch (const Error& error) {
    if (error.code() != http::address_in_use) throw;
    throw UsageError(fmt::format("{}: use another --port, or --port 0 for one that is free", error.what()));
  }
}

int run_serve(ServeOptions options) {
  if (http::library().empty())
    throw Error(http::library_missing, fmt::format("serve is not available: this binary was built without "
                                                   "cpp-httplib; install {} and build again",
                                                   http::package));
  const serve::ServedRun run = serve::open_run(options.run, options.data);
  MachineOptions machine;
  machine.device = options.device;
  machine.threads = options.threads;
  serve::ImagePredictor predictor(run.checkpoint.file, machine.apply());
  serve::WorkQueue queue(max_waiting);
  serve::Site site(run, predictor, queue, options.server.max_body_bytes);
  const std::unique_ptr<http::Server> server =
      listen(options.server, [&](const http::Request& request) { return site.answer(request); });
  catch_interrupts();
  if (!http::is_loopback(options.server.host))
    print_aside("warning",
                fmt::format("{} can be reached from other machines: there is no password and no encryption",
                            options.server.host));
  print(fmt::format("Serving {} at {} (Ctrl-C ends it)\n", text::one_line(run.folder.string()),
                    address_of(options.server.host, server->port())));
  std::thread answering([&] { server->run(); });
  queue.work_until(interrupted);
  server->stop();
  answering.join();
  return exit_done;
}

}  // namespace

void add_serve_command(command_line::Command app, Action& action) {
  command_line::Command command =
      app.subcommand("serve", "Show a run in the browser: report, images, predictions of dropped X-rays");
  auto options = std::make_shared<ServeOptions>();
  options->server.port = default_port;
  command.option("run", options->run, "Folder of an evaluated run").required().type_name("RUN");
  command.option("--data", options->data, "Images of the run, if they moved").type_name("PATH").group("Data");
  const char* const network = "Network";
  command
      .option("--host", options->server.host,
              "Address to listen on; other than this machine's own: without password and encryption")
      .type_name("ADDRESS")
      .show_default()
      .group(network);
  command.option("--port", options->server.port, "Port to listen on; 0: one that is free")
      .type_name("N")
      .range(0, 65535)
      .show_default()
      .group(network);
  command
      .option("--device", options->device, "auto, cpu, cuda, cuda:N or simt; auto: the GPU if there is one")
      .type_name("DEVICE")
      .show_default()
      .group("Machine");
  command.option("--threads", options->threads, "Compute threads; 0: one per core")
      .show_default()
      .range(0, 1024)
      .group("Machine");
  command.example("a run, at http://127.0.0.1:8520/", "xrtrain serve run");
  command.example("on a port that is free", "xrtrain serve run --port 0");
  command.example("images that moved since the training", "xrtrain serve run --data xrays");
  command.note(
      "Uploads stay in memory and are not stored. Requests of other web pages are refused. To use it from another "
      "machine, prefer an SSH tunnel to --host: ssh -L 8520:127.0.0.1:8520 MACHINE.");
  command.when_chosen([&action, options] { action = [options] { return run_serve(*options); }; });
}

}  // namespace xr::apps
