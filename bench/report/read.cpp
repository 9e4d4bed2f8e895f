#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "octet/core/file.hpp"
#include "results.hpp"

namespace bench {

namespace {

octet::Json read_json(const std::string& path) {
  if (!std::filesystem::exists(path) || std::filesystem::file_size(path) == 0) return nullptr;
  const auto bytes = octet::read_file(path);
  return octet::Json::parse({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path);
}

std::string text_in(const octet::Json& object, std::string_view key) {
  const octet::Json* const found = object.find(key);
  return found && found->is_string() ? found->as_string() : "";
}

/// "int8 amx": the words before the last are the arithmetic.
void read_label(const std::string& label, Measurement& measurement) {
  const auto space = label.rfind(' ');
  if (space == std::string::npos) return;
  for (std::size_t i = 0; i < std::size(arithmetic_names); ++i)
    if (label.substr(0, space) == arithmetic_names[i])
      measurement.arithmetic = static_cast<Arithmetic>(i);
  for (std::size_t i = 0; i < octet::isa_names.size(); ++i)
    if (label.substr(space + 1) == octet::isa_names[i])
      measurement.isa = static_cast<octet::Isa>(i);
}

void read_benchmarks(const octet::Json& file, std::vector<Measurement>& measurements) {
  const octet::Json* const list = file.find("benchmarks");
  if (!list) return;
  bool repeated = false;
  for (const octet::Json& each : list->as_array())
    repeated = repeated || text_in(each, "aggregate_name") == "median";
  for (const octet::Json& each : list->as_array()) {
    if (each.find("error_occurred")) continue;
    if (text_in(each, "aggregate_name") != (repeated ? "median" : "")) continue;
    Measurement measurement;
    std::istringstream name(text_in(each, "run_name"));
    bool real_time = false;
    for (std::string part; std::getline(name, part, '/');) {
      real_time = part == "real_time";
      if (!real_time) measurement.parts.push_back(part);
    }
    const std::string unit = text_in(each, "time_unit");
    const double scale = unit == "ms" ? 1e-3 : unit == "us" ? 1e-6 : unit == "s" ? 1 : 1e-9;
    measurement.seconds = scale * each[real_time ? "real_time" : "cpu_time"].as_number();
    measurement.counters = each;
    measurement.operations = measurement.number("operations");
    measurement.bytes = measurement.number("bytes");
    read_label(text_in(each, "label"), measurement);
    if (measurement.seconds > 0) measurements.push_back(std::move(measurement));
  }
  // They come in random order, since they were interleaved.
  std::stable_sort(measurements.begin(), measurements.end(), [](const auto& a, const auto& b) {
    const auto key = [](const Measurement& each) {
      std::vector<std::string> parts = each.parts;
      for (std::string& part : parts)
        for (std::size_t i = 0; i < octet::isa_names.size(); ++i)
          if (part == octet::isa_names[i]) part = std::to_string(i);
      return parts;
    };
    return key(a) < key(b);
  });
}

}  // namespace

Results read_results(const std::string& folder) {
  Results results;
  const auto read = [&](const std::string& name) {
    octet::Json json = read_json(folder + "/" + name + ".json");
    if (!json.is_null()) results.json.set(name, json);
    return json;
  };
  if (const octet::Json peak = read("peak"); !peak.is_null()) {
    results.peak = peak_from(peak);
    if (const octet::Json* const machine = peak.find("machine")) results.machine = *machine;
  }
  read_benchmarks(read("kernels"), results.kernels);
  read_benchmarks(read("kernels_s8"), results.kernels);
  read_benchmarks(read("gemm"), results.gemm);
  read_benchmarks(read("networks"), results.networks);
  read_benchmarks(read("training"), results.training);
  results.layers = read("layers");
  results.startup = read("startup");
  std::ifstream costs(folder + "/compile_cost.txt");
  octet::Json headers = octet::Json::array();
  for (std::string line; std::getline(costs, line);) {
    HeaderCost cost;
    std::istringstream words(line);
    if (!(words >> cost.header >> cost.compiler >> cost.seconds >> cost.megabytes)) continue;
    headers.push(octet::Json::object()
                     .set("header", cost.header)
                     .set("compiler", cost.compiler)
                     .set("seconds", cost.seconds)
                     .set("megabytes", cost.megabytes));
    results.headers.push_back(cost);
  }
  results.json.set("compile_cost", std::move(headers));
  return results;
}

}  // namespace bench
