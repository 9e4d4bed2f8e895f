#include "emit.hpp"

#include <cstdio>

#include <octet/data/synthetic_faces.hpp>
#include <octet/program/emit.hpp>

#include "model.hpp"
#include "output.hpp"

namespace fer {

CLI::App* add_emit(CLI::App& app, EmitOptions& options) {
  CLI::App* const command =
      app.add_subcommand("emit", "Write a model as a C++17 header that needs nothing else");
  command->add_option("model", options.model, "Model file")->required();
  command->add_option("--out", options.out, "File for the header")->required();
  command->add_option("--namespace", options.name_space, "Namespace of what is in it")
      ->capture_default_str();
  command->footer("Example: fer emit int8.safetensors --namespace face --out face.hpp");
  return command;
}

int emit(const EmitOptions& options) {
  check_not_the_model(options.out, options.model);
  check_replaceable("--out", options.out, "header", {"// ", ", written by Octet "});
  const Model model = load_model(options.model);
  octet::EmitOptions header_options;
  header_options.name_space = options.name_space;
  header_options.title = model.card.name;
  header_options.mean = model.card.normalization.mean;
  header_options.deviation = model.card.normalization.deviation;
  header_options.class_names = model.card.class_names;
  if (model.C() == 1 && model.H() >= 16 && model.W() >= 16) {
    const octet::ImageDataset face =
        octet::synthetic_faces({.count = 1, .H = model.H(), .W = model.W()});
    header_options.golden_pixels.assign(face.pixels.begin(), face.pixels.end());
  }
  const octet::EmittedHeader header = octet::emit(model.program, options.out, header_options);
  std::printf("flash: %lld bytes of constants, and %lld for self_test(); code comes on top\n",
              static_cast<long long>(header.flash_bytes),
              static_cast<long long>(header.self_test_bytes));
  std::printf("RAM:   %lld bytes of static memory\n", static_cast<long long>(header.ram_bytes));
  std::printf("\n  #include \"%s\"\n  float probabilities[%zu];\n",
              options.out.substr(options.out.rfind('/') + 1).c_str(),
              model.card.class_names.size());
  std::printf("  const int best = %s::predict(pixels, probabilities);\n\nwritten: %s\n",
              options.name_space.c_str(), options.out.c_str());
  return 0;
}

}  // namespace fer
