#include <octet/models/make_model.hpp>

#include "command_line.hpp"
#include "option_checks.hpp"

namespace fer {

void add_data(CLI::App& command, DataOptions& options, DataUse use) {
  command
      .add_option("--data", options.path,
                  "fer2013.csv; a folder of images by class, as on Kaggle, with train and test or\n"
                  "without; the folder of CK+; or the word synthetic")
      ->check(path_to("a file, a folder or the word synthetic"))
      ->required();
  command
      .add_option(
          "--votes", options.votes,
          use == DataUse::train
              ? "fer2013new.csv of FER+, for a fer2013.csv: its voters' shares are learned,\n"
                "their majority is the label, unclear images are dropped"
              : "fer2013new.csv of FER+, for a fer2013.csv: its voters' majority is the\n"
                "label, unclear images are dropped")
      ->check(path_to("the file of FER+"));
  command
      .add_option("--folds", options.folds,
                  use == DataUse::train
                      ? "CK+ is divided by subject into so many folds; without it 10"
                      : "For CK+; without it what the model was trained with, else 10")
      ->check(whole(3, 1000));
  command
      .add_option("--fold", options.fold,
                  use == DataUse::train
                      ? "Test on this fold of CK+, from 1, validate on the next, learn from the\n"
                        "others; without it 1"
                      : "For CK+; without it what the model was trained with, else 1")
      ->check(whole(1, 1000));
  if (use == DataUse::train)
    command
        .add_option("--contempt", options.contempt,
                    "Whether CK+ and FER+ keep their eighth class: yes or no")
        ->check(one_of({"yes", "no"}))
        ->capture_default_str();
}

CLI::App* add_train(CLI::App& app, TrainOptions& options) {
  CLI::App* const command = app.add_subcommand("train", "Train a network of the zoo");
  add_data(*command, options.data, DataUse::train);
  command
      ->add_option("--out", options.out,
                   "Folder for the models and the history; needed, except with --profile")
      ->check(path_to("a folder for the models and the history"));
  command->add_option("--model", options.model, "Network:\n" + octet::list_of(octet::model_names))
      ->check(one_of({octet::model_names.begin(), octet::model_names.end()}))
      ->capture_default_str();
  const auto real = [&](const char* name, auto& value, const char* what, double low, double high) {
    command->add_option(name, value, what)->check(number(low, high))->capture_default_str();
  };
  const auto count = [&](const char* name, auto& value, const char* what, std::uint64_t low,
                         std::uint64_t high) {
    command->add_option(name, value, what)->check(whole(low, high))->capture_default_str();
  };
  const auto word = [&](const char* name, std::string& value, const char* what,
                        std::vector<std::string> words) {
    command->add_option(name, value, what)->check(one_of(std::move(words)))->capture_default_str();
  };
  command->add_option("--width", options.width, "Scales the numbers of channels; not for lenet")
      ->check(number_above(0, 64))
      ->capture_default_str();
  command
      ->add_option(
          "--from", options.from,
          "Model file to begin with, in place of --model; what is not given is then 5 epochs\n"
          "at a rate of 3e-4 by the schedule cosine")
      ->check(path_to("a model file"));
  command->add_flag("--qat", options.qat,
                    "Train for int8: quantization-aware; writes int8.safetensors, too");
  word("--scales", options.scales, "With --qat: int8 scales by ranges, observed, or learned",
       {"observed", "learned"});
  count("--epochs", options.epochs, "Passes over the data; without it 5 with --from", 1, 100000);
  count("--batch", options.batch, "Images in a step", 1, 65536);
  command
      ->add_option("--max-lr", options.max_learning_rate,
                   "Highest learning rate; without it 3e-4 with --from")
      ->check(number_above(0, 100))
      ->capture_default_str();
  word("--schedule", options.schedule,
       "How the rate moves: one_cycle (three phases), one_cycle_two_phases, cosine,\n"
       "step, exponential or constant; without it cosine with --from",
       {"one_cycle", "one_cycle_two_phases", "cosine", "step", "exponential", "constant"});
  word("--optimizer", options.optimizer, "Update rule: adam, adamw or sgd",
       {"adam", "adamw", "sgd"});
  command
      ->add_option("--weight-decay", options.weight_decay,
                   "On weights alone, not on biases; without it 0.01 with adamw, else 0")
      ->check(number(0, 1));
  command
      ->add_option("--momentum", options.momentum,
                   "Of sgd, where the schedule moves none; without it 0.9")
      ->check(number(0, 0.9999));
  real("--label-smoothing", options.label_smoothing, "Share spread over all classes", 0, 0.9);
  real("--clip-norm", options.clip_norm, "Limit of the gradient's norm; 0: none", 0, 1e9);
  word("--flip", options.flip, "Mirror half of the images: yes or no", {"yes", "no"});
  count("--crop", options.crop, "Pad by so many pixels, then crop at random; 0: none", 0, 24);
  real("--mixup", options.mixup,
       "Blend pairs of images, with this alpha (0.2 is usual); 0: none. The accuracy\n"
       "shown while learning is then that on blended images",
       0, 10);
  real("--cutmix", options.cutmix,
       "Put a piece of one image into another, with this alpha (1 is usual); 0: none", 0, 10);
  count("--patience", options.patience,
        "Stop after so many epochs in which validation became no better; 0: never", 0, 100000);
  count("--seed", options.seed, "Of weights, order and augmentation", 0, UINT64_MAX);
  word("--precision", options.precision, "Of the multiplications: float32 or bf16",
       {"float32", "bf16"});
  count("--threads", options.threads, "0: one for each core; they change no result", 0, 1024);
  count("--checkpoint-every", options.checkpoint_every, "Steps; 0: once an epoch", 0, 1000000000);
  command->add_flag("--resume", options.resume, "Go on where the folder's checkpoint is");
  command->add_flag("--overwrite", options.overwrite,
                    "Replace a training in the folder, and int8.safetensors");
  command->add_flag("--profile", options.profile, "Time each layer of a step instead of training");
  command->callback([&options, command] {
    if (options.from.empty()) return;
    for (const char* const name : {"--model", "--width", "--contempt"})
      if (!command->get_option(name)->empty())
        octet::fail(name, ": expected no --from, whose network is trained on as it is, got both");
    if (command->get_option("--epochs")->empty()) options.epochs = 5;
    if (command->get_option("--max-lr")->empty()) options.max_learning_rate = 3e-4;
    if (command->get_option("--schedule")->empty()) options.schedule = "cosine";
  });
  command->footer(
      "Examples:\n"
      "  fer train --data fer2013.csv --out trained\n"
      "  fer train --data fer2013.csv --votes fer2013new.csv --mixup 0.2 --out trained\n"
      "  fer train --data CK+48 --folds 10 --fold 3 --model lenet --out fold3\n"
      "--out gets model.safetensors (last weights), best.safetensors (best on validation),\n"
      "checkpoint.safetensors (for --resume) and history.csv. Ctrl-C saves and leaves.\n"
      "Next: fer eval trained/model.safetensors --data fer2013.csv");
  return command;
}

}  // namespace fer
