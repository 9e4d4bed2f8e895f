// The options that the programs without Google Benchmark share.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

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
  }
};

}  // namespace bench
