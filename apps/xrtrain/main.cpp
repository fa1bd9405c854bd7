// xrtrain: trains and evaluates networks on chest X-rays. What is wrong is said in one line on standard
// error; the exit status is 0 done, 1 failed, 2 wrong usage, 3 bad data, 4 findings of an audit.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <new>

#include "apps/text/text.h"
#include "apps/xrtrain/commands/commands.h"
#include "apps/xrtrain/errors.h"
#include "apps/xrtrain/options/option_table.h"

namespace {

using namespace xr::apps;

int tell(int status, const std::string& message) {
  (void)std::fputs(fmt::format("xrtrain: error: {}\n", one_line(message)).c_str(), stderr);
  return status;
}

/// For "--epoch" "; did you mean --epochs?".
std::string suggestion(const CLI::App& app, const std::vector<std::string>& unknown) {
  std::vector<std::string> names;
  const CLI::App* command = app.get_subcommands().empty() ? &app : app.get_subcommands().front();
  for (const CLI::Option* option : command->get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  for (const CLI::App* other : command->get_subcommands({})) names.push_back(other->get_name());
  for (const std::string& word : unknown)
    if (const std::string nearest = nearest_word(word.substr(0, word.find('=')), names); !nearest.empty())
      return fmt::format("; did you mean {}?", nearest);
  return fmt::format("; see {} --help", command == &app ? "xrtrain" : "xrtrain " + command->get_name());
}

/// GNU OpenMP's threads spin while they wait, which on cores that others use too (a shared machine, a
/// container's share) makes training many times slower. They sleep if the environment says so when the
/// program starts, and no later: so it starts itself once more.
void let_waiting_threads_sleep(char** argv) {
  if (std::getenv("OMP_WAIT_POLICY") != nullptr || std::getenv("GOMP_SPINCOUNT") != nullptr) return;
  if (::setenv("OMP_WAIT_POLICY", "passive", 1) != 0) return;
  (void)::execv("/proc/self/exe", argv);  // if it cannot, it is only slower
}

int parse_and_run(int argc, char** argv) {
  CLI::App app(
      "Trains convolutional networks to tell chest X-rays apart, keeps a checkpoint of every epoch and "
      "evaluates them all. It is no medical device.",
      "xrtrain");
  app.set_version_flag("--version", "xrtrain " XR_VERSION);
  app.require_subcommand(0, 1);
  app.get_formatter()->column_width(42);
  Action action;
  add_train_command(app, action);
  add_eval_command(app, action);
  add_cv_command(app, action);
  add_compare_command(app, action);
  add_predict_command(app, action);
  add_synth_command(app, action);
  add_audit_command(app, action);
  add_info_command(app, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {  // --help, --version
    return app.exit(success);
  } catch (const CLI::ExtrasError&) {
    const std::vector<std::string> unknown = app.remaining(true);
    return tell(exit_usage, fmt::format("unknown argument{} {}{}", unknown.size() > 1 ? "s" : "",
                                        fmt::join(unknown, " "), suggestion(app, unknown)));
  } catch (const CLI::ParseError& error) {
    return tell(exit_usage, error.what());
  }
  if (!action)
    return tell(
        exit_usage,
        "nothing to do: use train, eval, cv, compare, predict, audit, synth or info; see xrtrain --help");
  return action();
}

}  // namespace

int main(int argc, char** argv) {
  let_waiting_threads_sleep(argv);
  try {
    return parse_and_run(argc, argv);
  } catch (const UsageError& error) {
    return tell(exit_usage, error.what());
  } catch (const DataError& error) {
    return tell(exit_data, error.what());
  } catch (const std::bad_alloc&) {
    return tell(exit_failed, "out of memory: use a smaller --batch-size, --image-size or network");
  } catch (const std::exception& error) {
    return tell(exit_failed, error.what());
  }
}
