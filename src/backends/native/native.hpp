// SPDX-License-Identifier: Apache-2.0
// Our own engine (engine/session.hpp) as a backend.
#pragma once

#include <memory>
#include <string>

#include "backends/backend.hpp"
#include "graph/graph.hpp"

namespace lichen::backends::native {

// Reads and checks a file of either format. The graph borrows from the source's bytes.
[[nodiscard]] Result<graph::Graph> read(const ModelSource& source);

[[nodiscard]] Result<std::string> version(const Host& host);
[[nodiscard]] Result<std::unique_ptr<Runner>> load(const ModelSource& source, const LoadOptions& options,
                                                   const Host& host);

}  // namespace lichen::backends::native
