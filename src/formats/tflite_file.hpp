// SPDX-License-Identifier: Apache-2.0
// What operators of a file share beyond their own tensors: variables, and other subgraphs. Internal to this folder.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "graph/graph.hpp"

namespace lichen::formats {

class TfliteVariables {
 public:
  virtual ~TfliteVariables() = default;

  // Of one subgraph, which is being read.
  struct Scope {
    std::map<graph::TensorId, std::int32_t> handles;  // tensors that VAR_HANDLE made: the variable
    std::set<graph::TensorId> state_tensors;          // `is_variable`
    std::map<graph::TensorId, std::int32_t> states;   // those that have a variable by now
  };

  // The variable of that name, made at its first mention.
  std::int32_t named(const std::string& container, const std::string& name);
  [[nodiscard]] graph::Variable& at(std::int32_t variable) { return variables[static_cast<std::size_t>(variable)]; }

  // Reads subgraph `index` as a body of the graph that is being read; its place in Graph::subgraphs.
  virtual Result<std::int32_t> body(std::int32_t index) = 0;
  // Takes over the variables that subgraph `index` assigns constants to.
  virtual Result<void> initialize(std::int32_t index) = 0;

  Scope scope;
  std::vector<graph::Variable> variables;

 private:
  std::map<std::pair<std::string, std::string>, std::int32_t> names_;
};

}  // namespace lichen::formats
