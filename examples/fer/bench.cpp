#include "bench.hpp"

#include <cstdlib>
#include <filesystem>
#include <optional>

#include "../../bench/layer_table.hpp"
#include "../../bench/zoo.hpp"
#include "model.hpp"
#include "option_checks.hpp"
#include "output.hpp"

namespace fer {

using namespace octet;

CLI::App* add_bench(CLI::App& app, BenchOptions& options) {
  CLI::App* const command = app.add_subcommand("bench", "Time each layer in float32 and in int8");
  command->add_option("model", options.model, "Model file, or a network of the zoo")->required();
  command->add_option("--batch", options.batch, "Images in one pass")
      ->check(whole(1, 65536))
      ->capture_default_str();
  command->add_option("--threads", options.threads, "0: one for each core")
      ->check(whole(0, 1024))
      ->capture_default_str();
  std::vector<std::string> sets;
  for (std::size_t i = 0; i < isa_names.size(); ++i)
    if (cpu_supports(static_cast<Isa>(i))) sets.emplace_back(isa_names[i]);
  command
      ->add_option("--isa", options.isa,
                   "The strongest instruction set, of those that this processor has; else\n"
                   "OCTET_ISA decides")
      ->check(one_of(sets, "this processor's sets: "));
  command->add_option("--json", options.json, "File for the same table as JSON")
      ->check(path_to("a file for the table"));
  command->footer(
      "Example: fer bench int8.safetensors\n"
      "share: the least possible time, by measured arithmetic and memory, over the time.\n"
      "why: what keeps an operation from that least time, or what bounds it.");
  return command;
}

namespace {

bool is_int8(const Program& program) {
  for (const OperationInfo& info : program.operations())
    if (info.element_type == ElementType::s8) return true;
  return false;
}

}  // namespace

int bench(const BenchOptions& options) {
  if (!options.json.empty()) {
    check_not_the_model(options.json, options.model, "--json");
    check_replaceable("--json", options.json, "table of fer bench",
                      {"{\"float32_milliseconds\":", "\"layers\":["});
  }
  // Before anything asks for the instruction set, so that every kernel keeps to it.
  if (!options.isa.empty()) setenv("OCTET_ISA", options.isa.c_str(), 1);
  const bool zoo =
      !std::filesystem::exists(options.model) &&
      std::find(model_names.begin(), model_names.end(), options.model) != model_names.end();
  if (!zoo && !std::filesystem::exists(options.model))
    fail("expected a model file or a network of the zoo (", list_of(model_names), "), got \"",
         options.model, '"', suggestion(options.model, {model_names.begin(), model_names.end()}));
  const Program given = zoo ? ::bench::random_network(options.model)
                            : load_model(options.model, CardRule::optional).program;
  const std::size_t inputs = given.description().inputs.size();
  if (inputs != 1 || given.input_shape().rank() != 3)
    fail(options.model, ": expected a network with one input [H, W, C], got ", inputs,
         inputs == 1 ? " input, of shape " : " inputs, the first of shape ", given.input_shape());
  std::optional<Program> int8;
  if (!is_int8(given))
    int8 = octet::quantize(given, batches_of(::bench::faces(given.input_shape(), 16))).program;

  ThreadPool pool(options.threads);
  const ::bench::MachinePeak peak = ::bench::measure_peak(pool, {.samples = 15});
  const Tensor<float> images = ::bench::faces(given.input_shape(), options.batch);
  const ::bench::LayerTable table = ::bench::measure_layers(
      int8 ? &given : nullptr, int8 ? &*int8 : &given, images, peak, {.pool = &pool});

  std::printf("%s, batch %lld, %d thread%s, %s%s\n\n", options.model.c_str(),
              static_cast<long long>(options.batch), pool.threads(), pool.threads() == 1 ? "" : "s",
              to_text(given.isa()).c_str(), zoo ? ", random weights" : "");
  ::bench::print(table);
  std::printf("\n%s\n", int8 ? "int8 is calibrated on synthetic faces, which changes no time."
                             : "A program in int8 has no float32 to compare with: give the model "
                               "that it was made of.");
  std::printf("share: the least possible time, by measured arithmetic and memory, over the time\n");
  ::bench::warn_of_cap(given.isa());
  if (!options.json.empty()) write_file(options.json, table.json().text() + "\n");
  return 0;
}

}  // namespace fer
