#include "command_line.hpp"

#include <octet/models/make_model.hpp>

namespace fer {

CLI::App* add_train(CLI::App& app, TrainOptions& options) {
  CLI::App* const command = app.add_subcommand("train", "Train a network of the zoo");
  command->add_option("--data", options.data, "fer2013.csv, a folder of images, or synthetic")
      ->required();
  command->add_option("--out", options.out, "Folder for the models and the history");
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
  command->add_option("--precision", options.precision, "Of the multiplications")
      ->check(CLI::IsMember({"float32", "bf16"}))
      ->capture_default_str();
  command->add_option("--threads", options.threads, "0: one for each core")->capture_default_str();
  command->add_option("--checkpoint-every", options.checkpoint_every, "Steps; 0: once an epoch")
      ->capture_default_str();
  command->add_flag("--resume", options.resume, "Go on where the folder's checkpoint is");
  command->add_flag("--overwrite", options.overwrite, "Replace a training in the folder");
  command->add_flag("--profile", options.profile, "Time each layer of a step instead of training");
  return command;
}

CLI::App* add_eval(CLI::App& app, EvalOptions& options) {
  CLI::App* const command = app.add_subcommand("eval", "Judge a model on a split");
  command->add_option("model", options.model, "Model file")->required();
  command->add_option("--data", options.data, "fer2013.csv, a folder of images, or synthetic")
      ->required();
  command->add_option("--split", options.split, "Which images")
      ->check(CLI::IsMember({"test", "validation", "train"}))
      ->capture_default_str();
  command->add_option("--batch", options.batch, "Images in one pass")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--threads", options.threads, "0: one for each core")->capture_default_str();
  return command;
}

CLI::App* add_quantize(CLI::App& app, QuantizeOptions& options) {
  CLI::App* const command = app.add_subcommand("quantize", "Make an int8 program of a model");
  command->add_option("model", options.model, "Model file that fer train wrote")->required();
  command->add_option("--data", options.data, "Calibrates with its train, compares on its test")
      ->required();
  command->add_option("--out", options.out, "File for the int8 program")->required();
  command->add_option("--calibrate", options.calibrate, "Images for the ranges")
      ->capture_default_str();
  command->add_option("--range", options.method, "How ranges are chosen")
      ->check(CLI::IsMember({"percentile", "min_max"}))
      ->capture_default_str();
  command->add_option("--seed", options.seed, "Of the choice of images")->capture_default_str();
  command->add_option("--threads", options.threads, "0: one for each core")->capture_default_str();
  return command;
}

CLI::App* add_predict(CLI::App& app, PredictOptions& options) {
  CLI::App* const command = app.add_subcommand("predict", "Name the expression on pictures");
  command->add_option("model", options.model, "Model file")->required();
  command->add_option("images", options.images, "JPEG, PNG, BMP, PGM or PPM")->required();
  command->add_option("--threads", options.threads, "0: one for each core")->capture_default_str();
  return command;
}

CLI::App* add_info(CLI::App& app, InfoOptions& options) {
  CLI::App* const command = app.add_subcommand("info", "Show what a model file holds");
  command->add_option("file", options.file, "Model file")->required();
  return command;
}

CLI::App* add_demo(CLI::App& app, DemoOptions& options) {
  CLI::App* const command = app.add_subcommand("demo", "Train, quantize and compare in a minute");
  command->add_option("--out", options.out, "Folder for the models")->capture_default_str();
  command->add_option("--seed", options.seed, "Of everything")->capture_default_str();
  command->add_option("--threads", options.threads, "0: one for each core")->capture_default_str();
  return command;
}

}  // namespace fer
