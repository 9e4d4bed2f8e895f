// Values by name, which anybody may add: how names in files become functions again.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "octet/core/config.hpp"
#if OCTET_THREADS
#include <mutex>
#endif

namespace octet::inline OCTET_ABI {

/// Safe from any thread.
template <class Value>
class Registry {
 public:
  /// Adds a value, or replaces that of this name.
  void set(std::string name, Value value) {
    [[maybe_unused]] const auto held = lock();
    values_[std::move(name)] = std::move(value);
  }
  /// The value of this name; a default one, such as an empty function, if there is none.
  Value find(std::string_view name) const {
    [[maybe_unused]] const auto held = lock();
    const auto found = values_.find(name);
    return found == values_.end() ? Value() : found->second;
  }

 private:
#if OCTET_THREADS
  std::unique_lock<std::mutex> lock() const { return std::unique_lock(mutex_); }
  mutable std::mutex mutex_;
#else
  static int lock() { return 0; }
#endif
  std::map<std::string, Value, std::less<>> values_;
};

}  // namespace octet::inline OCTET_ABI
