// SPDX-License-Identifier: Apache-2.0
#include "base/error.hpp"

namespace lichen {

std::string_view name_of(Code code) {
  switch (code) {
    case Code::kBadInput:
      return "bad_input";
    case Code::kNotFound:
      return "not_found";
    case Code::kUnsupported:
      return "unsupported";
    case Code::kExhausted:
      return "exhausted";
    case Code::kDeadlineExceeded:
      return "deadline_exceeded";
    case Code::kUnavailable:
      return "unavailable";
    case Code::kDataLoss:
      return "data_loss";
    case Code::kIo:
      return "io";
    case Code::kInternal:
      return "internal";
  }
  return "internal";
}

int exit_code_of(Code code) {
  switch (code) {
    case Code::kBadInput:
    case Code::kNotFound:
    case Code::kDataLoss:
      return 3;
    case Code::kUnsupported:
      return 4;
    default:
      return 1;
  }
}

std::string Error::to_line() const {
  std::string line = what;
  for (const std::string* part : {&where, &why}) {
    if (!part->empty()) line += ": " + *part;
  }
  if (!hint.empty()) line += "; " + hint;
  return line;
}

}  // namespace lichen
