// The options that the programs without Google Benchmark share.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "octet/core/error.hpp"
#include "octet/core/file.hpp"
#include "octet/core/json.hpp"

namespace bench {

/// [--quick] [--json FILE] and whatever else is there.
struct Arguments {
  bool quick = false;
  std::string json;
  std::vector<std::string> others;

  Arguments(int argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
      const std::string_view argument = argv[i];
      if (argument == "--quick") {
        quick = true;
      } else if (argument == "--json" && i + 1 < argc) {
        json = argv[++i];
      } else if (argument.starts_with("--")) {
        std::fprintf(stderr, "%s: unknown option %s\n", argv[0], argv[i]);
        std::exit(2);
      } else {
        others.emplace_back(argument);
      }
    }
    if (!json.empty()) or_exit([&] { octet::check_writable(json); });
  }
  /// Writes the results to the file of --json, if there is one.
  void write(const octet::Json& results) const {
    if (!json.empty()) or_exit([&] { octet::write_file(json, results.text() + "\n"); });
  }

 private:
  template <class Do>
  static void or_exit(const Do& action) {
    try {
      action();
    } catch (const octet::Error& error) {
      std::fprintf(stderr, "--json: %s\n", error.what());
      std::exit(2);
    }
  }
};

}  // namespace bench
