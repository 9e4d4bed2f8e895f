// Which form of data a path leads to, and whether the options fit it.
#pragma once

#include <optional>
#include <string>

#include "commands.hpp"
#include "model_card.hpp"

namespace fer {

/// Faces that are drawn, Kaggle's fer2013.csv, the folder of CK+, or another folder by class.
enum class DataForm { synthetic, fer2013, ckplus, folder };

/// Fails if there is nothing of this name.
DataForm form_of(const std::string& path);

/// The options with the classes of the model, if there is one, and with what CK+ needs: from the
/// model, else the first of ten folds. Fails, naming the option, if one does not fit the data, or
/// would let a model be judged on people from whom it has learned.
DataOptions completed(DataOptions options, const ModelCard* card = nullptr);

/// The fold that completed() decided on; none unless the data are CK+.
std::optional<Fold> fold_of(const DataOptions& options);

}  // namespace fer
