// write_sample_page FILE.html: for check_pages.sh.
#include <cstdio>
#include <exception>

#include "tests/apps/html/sample_page.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    (void)std::fputs("usage: write_sample_page FILE.html\n", stderr);
    return 2;
  }
  try {
    xr::html::sample_page().write(argv[1]);
  } catch (const std::exception& error) {
    (void)std::fprintf(stderr, "write_sample_page: %s\n", error.what());
    return 1;
  }
  return 0;
}
