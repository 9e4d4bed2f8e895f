// What including a header costs: seconds of the compiler's time (median of three) and its memory,
// for a file that holds nothing but the include, at -O0, beside what it may cost. Usage:
//   compile_cost [--limit-mb N] [HEADER ...]
// The compiler is $CXX; without it, g++ and clang++, as far as they are there. With a limit, one
// compilation each, and exit code 1 if one of them took more: memory alone can be held to a limit
// anywhere, since seconds depend on the machine and on what else runs on it.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace {

struct Cost {
  double seconds = 0;
  double megabytes = 0;
};

/// What a header may cost with g++.
struct Budget {
  std::string header;
  Cost most;
};
const Budget budgets[] = {{"octet/octet.hpp", {3.0, 600}}, {"octet/infer.hpp", {2.5, 600}}};

std::vector<std::string> compilers() {
  if (const char* const chosen = std::getenv("CXX")) return {chosen};
  std::vector<std::string> found;
  for (const std::string name : {"g++", "clang++"})
    if (std::system((name + " --version >/dev/null 2>&1").c_str()) == 0) found.push_back(name);
  return found;
}

// The compiler runs as a grandchild, so that RUSAGE_CHILDREN of the child is about it alone.
Cost compile_once(const std::string& source, const std::string& compiler) {
  int ends[2];
  if (pipe(ends) != 0) std::exit(2);
  const pid_t child = fork();
  if (child == 0) {
    const std::string command =
        compiler + " -std=c++20 -O0 -I" OCTET_SOURCE_DIR "/include -c " + source + " -o /dev/null";
    if (std::system(command.c_str()) != 0) _exit(2);
    rusage usage{};
    getrusage(RUSAGE_CHILDREN, &usage);
    const auto seconds = [](timeval time) {
      return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
    };
    const Cost cost{seconds(usage.ru_utime) + seconds(usage.ru_stime),
                    static_cast<double>(usage.ru_maxrss) / 1024};
    _exit(write(ends[1], &cost, sizeof cost) == sizeof cost ? 0 : 2);
  }
  close(ends[1]);
  Cost cost;
  const bool whole = read(ends[0], &cost, sizeof cost) == sizeof cost;
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (!whole || status != 0) {
    std::fprintf(stderr, "compile_cost: %s does not compile\n", source.c_str());
    std::exit(2);
  }
  return cost;
}

}  // namespace

int main(int argc, char** argv) {
  double limit_megabytes = 0;
  std::vector<std::string> headers;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--limit-mb" && i + 1 < argc)
      limit_megabytes = std::atof(argv[++i]);
    else if (argument.rfind("--", 0) != 0)  // Options of the other benchmarks pass by.
      headers.push_back(argument);
  }
  if (headers.empty())
    for (const Budget& budget : budgets) headers.push_back(budget.header);

  const bool limited = limit_megabytes > 0;
  const std::string source = "/tmp/octet_compile_cost_" + std::to_string(getpid()) + ".cpp";
  bool within = true;
  std::printf("%-20s %-20s %8s %6s   %s\n", "header", "compiler", "seconds", "MB", "budget (g++)");
  for (const auto& header : headers)
    for (const auto& compiler : compilers()) {
      std::ofstream(source) << "#include \"" << header << "\"\n";
      std::vector<double> seconds;
      double megabytes = 0;
      for (int repeat = 0; repeat < (limited ? 1 : 3); ++repeat) {
        const Cost cost = compile_once(source, compiler);
        seconds.push_back(cost.seconds);
        megabytes = (std::max)(megabytes, cost.megabytes);
      }
      std::nth_element(seconds.begin(), seconds.begin() + seconds.size() / 2, seconds.end());
      std::printf("%-20s %-20s %8.2f %6.0f", header.c_str(), compiler.c_str(),
                  seconds[seconds.size() / 2], megabytes);
      for (const Budget& budget : budgets)
        if (budget.header == header)
          std::printf("   %.1f s, %.0f MB", budget.most.seconds, budget.most.megabytes);
      std::printf("\n");
      if (limited && megabytes > limit_megabytes) {
        std::fprintf(stderr, "compile_cost: %s takes %.0f MB with %s, more than %.0f\n",
                     header.c_str(), megabytes, compiler.c_str(), limit_megabytes);
        within = false;
      }
    }
  unlink(source.c_str());
  return within ? 0 : 1;
}
