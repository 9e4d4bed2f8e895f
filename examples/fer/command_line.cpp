#include "command_line.hpp"

#include <octet/core/error.hpp>

#include "option_checks.hpp"

namespace fer {

namespace {

void add_threads(CLI::App& command, int& threads) {
  command.add_option("--threads", threads, "0: one for each core; they change no result")
      ->check(whole(0, 1024))
      ->capture_default_str();
}

}  // namespace

CLI::App* add_eval(CLI::App& app, EvalOptions& options) {
  CLI::App* const command = app.add_subcommand("eval", "Judge a model on images it has not seen");
  command
      ->add_option("models", options.models,
                   "Any model file that fer wrote; several are compared with the first")
      ->check(path_to("a model file"))
      ->required();
  add_data(*command, options.data, DataUse::judge);
  command->add_option("--split", options.split, "test, validation, train or all of them")
      ->check(one_of({"test", "validation", "train", "all"}))
      ->capture_default_str();
  command->add_option("--batch", options.batch, "Images in one pass; it changes no result")
      ->check(whole(1, 65536))
      ->capture_default_str();
  add_threads(*command, options.threads);
  command->footer(
      "Examples:\n"
      "  fer eval trained/model.safetensors --data fer2013.csv\n"
      "  fer eval trained/model.safetensors aware/int8.safetensors --data fer2013.csv\n"
      "Several models get one table: accuracy, changed answers, bytes and times.");
  return command;
}

CLI::App* add_quantize(CLI::App& app, QuantizeOptions& options) {
  CLI::App* const command =
      app.add_subcommand("quantize", "Make an int8 program of a model, and compare the two");
  command->add_option("model", options.model, "Model file that fer train wrote")
      ->check(path_to("a model file"))
      ->required();
  add_data(*command, options.data, DataUse::judge);
  command->add_option("--out", options.out, "File for the program; an older one is replaced")
      ->check(path_to("a file for the int8 program"))
      ->required();
  command
      ->add_option("--form", options.form,
                   "What the file holds: int8, or int8_weights or float16_weights, with which\n"
                   "everything is computed in float32")
      ->check(one_of({"int8", "int8_weights", "float16_weights"}))
      ->capture_default_str();
  command
      ->add_option("--report", options.report,
                   "File for a page with everything that was measured; the same as JSON beside it")
      ->check(path_to("a file that ends in .html"));
  command
      ->add_option("--calibrate", options.calibrate,
                   "Images of train from which the ranges are taken")
      ->check(whole(1, 1000000))
      ->capture_default_str();
  command
      ->add_option("--range", options.method, "min_max, moving_average, percentile, entropy or mse")
      ->check(one_of({"min_max", "moving_average", "percentile", "entropy", "mse"}))
      ->capture_default_str();
  command
      ->add_option("--rounding", options.rounding,
                   "nearest, or learned: up or down, layer by layer, as the output asks (AdaRound)")
      ->check(one_of({"nearest", "learned"}))
      ->capture_default_str();
  command
      ->add_option("--keep-float", options.keep_float,
                   "Layers, by name, separated by commas, that stay float32; fer info lists them")
      ->option_text("TEXT")
      ->delimiter(',')
      ->allow_extra_args(false);
  command->add_flag("--doctor", options.doctor,
                    "Rank layers by the accuracy that int8 costs them, try repairs (ranges,\n"
                    "equalization, bias correction, learned rounding, float32), and apply those\n"
                    "that pay on the validation images; takes minutes");
  command->add_option("--seed", options.seed, "Of the choice of images")
      ->check(whole(0, UINT64_MAX))
      ->capture_default_str();
  add_threads(*command, options.threads);
  command->callback([&options, command] {
    if (options.doctor && !command->get_option("--rounding")->empty())
      octet::fail("--rounding: expected no --doctor, which tries both, got both options");
    if (options.form == "int8") return;
    for (const char* const name :
         {"--doctor", "--rounding", "--calibrate", "--range", "--keep-float"})
      if (!command->get_option(name)->empty())
        octet::fail(name, ": expected --form int8, which alone it concerns, got ", options.form);
  });
  command->footer(
      "Example: fer quantize trained/model.safetensors --data fer2013.csv --out int8.safetensors\n"
      "If int8 is less accurate than it should be, add --doctor.\n"
      "Accuracy is that of the test images. Next: fer predict int8.safetensors face.jpg");
  return command;
}

CLI::App* add_predict(CLI::App& app, PredictOptions& options) {
  CLI::App* const command = app.add_subcommand("predict", "Name the expression on pictures");
  command->add_option("model", options.model, "Any model file that fer wrote")
      ->check(path_to("a model file"))
      ->required();
  command->add_option("images", options.images, "JPEG, PNG, BMP, PGM or PPM of one face each")
      ->check(path_to("a picture"))
      ->required();
  add_threads(*command, options.threads);
  command->footer(
      "Example: fer predict int8.safetensors face.jpg\n"
      "A picture of another size than the network's is resized. The time is that of the network\n"
      "alone, in its second run on the picture: the first one brings it into the caches.");
  return command;
}

CLI::App* add_info(CLI::App& app, InfoOptions& options) {
  CLI::App* const command =
      app.add_subcommand("info", "Show what a model file holds, layer by layer");
  command->add_option("file", options.file, "Any model file that fer wrote")
      ->check(path_to("a model file"))
      ->required();
  command->footer("Example: fer info int8.safetensors");
  return command;
}

CLI::App* add_demo(CLI::App& app, DemoOptions& options) {
  CLI::App* const command = app.add_subcommand(
      "demo", "Train, quantize and compare on drawn faces, in about two minutes");
  command
      ->add_option("--out", options.out,
                   "Folder for the models; those of an older demo are replaced")
      ->check(path_to("a folder"))
      ->capture_default_str();
  command->add_option("--seed", options.seed, "Of everything")
      ->check(whole(0, UINT64_MAX))
      ->capture_default_str();
  add_threads(*command, options.threads);
  return command;
}

}  // namespace fer
