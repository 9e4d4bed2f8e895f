// From the start of a process to its first prediction in int8: milliseconds, resident memory, and
// the size of the program, stripped: startup [--quick] [--json FILE]
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sys/resource.h>

#include "arguments.hpp"
#include "octet/core/json.hpp"
#include "octet/program/file.hpp"
#include "timing.hpp"
#include "zoo.hpp"

namespace fs = std::filesystem;

namespace {

/// Milliseconds of the processor that all processes started so far have used.
double children_milliseconds() {
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  const auto milliseconds = [](timeval time) {
    return 1e3 * static_cast<double>(time.tv_sec) + 1e-3 * static_cast<double>(time.tv_usec);
  };
  return milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime);
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments arguments(argc, argv);
  const fs::path program = fs::read_symlink("/proc/self/exe").parent_path() / "first_prediction";
  const fs::path folder =
      fs::temp_directory_path() / ("octet_startup_" + std::to_string(std::random_device{}()));
  fs::create_directory(folder);
  const std::string model = folder / "model.safetensors", answer = folder / "answer.txt";
  const std::string strip =
      "strip -o '" + (folder / "stripped").string() + "' '" + program.string() + "'";
  const bool stripped = std::system(strip.c_str()) == 0;
  const double program_mb =
      stripped ? static_cast<double>(fs::file_size(folder / "stripped")) / 1e6 : 0;
  std::printf("first_prediction: %.2f MB stripped\n%-28s %10s %10s %14s %12s\n", program_mb,
              "network", "model MB", "ms", "processor ms", "resident MB");

  octet::Json networks = octet::Json::object();
  for (const bench::ZooNetwork& network : bench::zoo()) {
    octet::save_program(bench::Forms(network).int8, model);
    const std::string command = "'" + program.string() + "' '" + model + "' >'" + answer + "'";
    std::vector<double> milliseconds, processor, megabytes;
    for (int run = 0; run < (arguments.quick ? 3 : 11); ++run) {
      int status = 0;
      const double before = children_milliseconds();
      milliseconds.push_back(1e3 *
                             bench::seconds_of([&] { status = std::system(command.c_str()); }));
      processor.push_back(children_milliseconds() - before);
      double resident = 0;
      if (status != 0 || !(std::ifstream(answer) >> resident)) {
        std::fprintf(stderr, "startup: %s fails\n", command.c_str());
        return 1;
      }
      megabytes.push_back(resident);
    }
    const double model_mb = static_cast<double>(fs::file_size(model)) / 1e6;
    std::printf("%-28s %10.2f %10.1f %14.1f %12.1f\n", network.label.c_str(), model_mb,
                bench::median(milliseconds), bench::median(processor), bench::median(megabytes));
    networks.set(network.label, octet::Json::object()
                                    .set("model_mb", model_mb)
                                    .set("milliseconds", bench::median(milliseconds))
                                    .set("processor_milliseconds", bench::median(processor))
                                    .set("resident_mb", bench::median(megabytes)));
  }
  fs::remove_all(folder);
  arguments.write(
      octet::Json::object().set("stripped_mb", program_mb).set("networks", std::move(networks)));
}
