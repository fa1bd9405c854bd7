// `xrtrain serve` as it runs.
#pragma once

#include <sys/types.h>

#include "tests/apps/xrtrain/support.h"

namespace xr::apps::test {

/// Starts the program on a free port, and ends it with SIGINT. Its folder for temporary files is `folder`/temporary.
class Served {
 public:
  Served(const TemporaryFolder& folder, const Arguments& arguments);
  ~Served();
  Served(const Served&) = delete;
  Served& operator=(const Served&) = delete;

  [[nodiscard]] int port() const { return port_; }
  /// Of standard output and standard error.
  [[nodiscard]] std::string output() const { return read_text(output_); }
  /// Ends it as Ctrl-C does; gives the exit status, 1000 + signal if a signal ended it.
  int end();

 private:
  std::string output_;
  pid_t child_ = -1;
  int port_ = 0;
};

/// Whether the build has an HTTP server; says so if not.
[[nodiscard]] bool can_serve();

}  // namespace xr::apps::test
