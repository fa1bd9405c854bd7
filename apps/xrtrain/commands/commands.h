// The subcommands. Each adds itself to the command line; when it is chosen, `action` is what to do.
#pragma once

#include <functional>

namespace CLI {  // NOLINT(readability-identifier-naming): the name of the library
class App;
}

namespace xr::apps {

/// Does the work and returns the exit status.
using Action = std::function<int()>;

void add_train_command(CLI::App& app, Action& action);
void add_eval_command(CLI::App& app, Action& action);
void add_cv_command(CLI::App& app, Action& action);
void add_compare_command(CLI::App& app, Action& action);
void add_predict_command(CLI::App& app, Action& action);
void add_synth_command(CLI::App& app, Action& action);
void add_info_command(CLI::App& app, Action& action);
void add_audit_command(CLI::App& app, Action& action);

}  // namespace xr::apps
