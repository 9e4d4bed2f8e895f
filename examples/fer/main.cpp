// fer: facial expressions, from pictures to an int8 program, on the command line.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <new>

#include <octet/core/error.hpp>
#include <octet/models/make_model.hpp>

#include "commands.hpp"

namespace {

CLI::App* add_train(CLI::App& app, fer::TrainOptions& options) {
  CLI::App* const command = app.add_subcommand("train", "Train a network of the zoo");
  command->add_option("--data", options.data, "fer2013.csv, a folder of images, or synthetic")
      ->required();
  command->add_option("--out", options.out, "Folder for the models and the history")->required();
  std::vector<std::string> models(octet::model_names.begin(), octet::model_names.end());
  command->add_option("--model", options.model, "Network")
      ->check(CLI::IsMember(models))
      ->capture_default_str();
  command->add_option("--width", options.width, "Scales the numbers of channels")
      ->capture_default_str();
  command->add_option("--epochs", options.epochs, "Passes over the data")->capture_default_str();
  command->add_option("--batch", options.batch, "Images in a step")->capture_default_str();
  command->add_option("--max-lr", options.max_learning_rate, "Highest learning rate")
      ->capture_default_str();
  command->add_option("--schedule", options.schedule, "How the learning rate moves")
      ->check(CLI::IsMember(
          {"one_cycle", "one_cycle_two_phases", "cosine", "step", "exponential", "constant"}))
      ->capture_default_str();
  command->add_option("--optimizer", options.optimizer, "Update rule")
      ->check(CLI::IsMember({"adam", "adamw", "sgd"}))
      ->capture_default_str();
  command->add_option("--weight-decay", options.weight_decay, "On weights alone, not on biases")
      ->capture_default_str();
  command->add_option("--momentum", options.momentum, "Of sgd, where the schedule gives none")
      ->capture_default_str();
  command->add_option("--label-smoothing", options.label_smoothing, "Share spread over all classes")
      ->capture_default_str();
  command->add_option("--clip-norm", options.clip_norm, "Limit of the gradient's norm; 0: none")
      ->capture_default_str();
  command->add_option("--flip", options.flip, "Mirror half of the images")
      ->check(CLI::IsMember({"yes", "no"}))
      ->capture_default_str();
  command->add_option("--crop", options.crop, "Pad by so many pixels, then crop at random; 0: none")
      ->capture_default_str();
  command->add_option("--patience", options.patience, "Stop after so many epochs without progress")
      ->capture_default_str();
  command->add_option("--seed", options.seed, "Of weights, order and augmentation")
      ->capture_default_str();
  command->add_option("--threads", options.threads, "0: one for each core")->capture_default_str();
  command->add_option("--checkpoint-every", options.checkpoint_every, "Steps; 0: once an epoch")
      ->capture_default_str();
  command->add_flag("--resume", options.resume, "Go on where the folder's checkpoint is");
  command->add_flag("--overwrite", options.overwrite, "Replace a training in the folder");
  return command;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Facial expressions with Octet: train, evaluate, quantize to int8, predict.", "fer");
  app.require_subcommand(1);
  fer::TrainOptions train;
  const CLI::App* const train_command = add_train(app, train);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : fer::exit_mistake;
  }
  try {
    if (*train_command) return fer::train(train);
    return 0;
  } catch (const octet::Error& error) {
    std::fflush(stdout);
    std::fprintf(stderr, "\nfer: %s\n", error.what());
  } catch (const std::bad_alloc&) {
    std::fflush(stdout);
    std::fprintf(stderr, "\nfer: there is not enough memory\n");
  }
  return fer::exit_mistake;
}
