// Values by name, which anybody may add: how names in files become functions again.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "octet/core/config.hpp"

namespace octet::inline OCTET_ABI {

/// Safe from any thread.
template <class Value>
class Registry {
 public:
  /// Adds a value, or replaces that of this name.
  void set(std::string name, Value value) {
    const std::lock_guard lock(mutex_);
    values_[std::move(name)] = std::move(value);
  }
  /// The value of this name; a default one, such as an empty function, if there is none.
  Value find(std::string_view name) const {
    const std::lock_guard lock(mutex_);
    const auto found = values_.find(name);
    return found == values_.end() ? Value() : found->second;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Value, std::less<>> values_;
};

}  // namespace octet::inline OCTET_ABI
